"""What a program run by Kiln may use. It is in every cell, and does no harm elsewhere."""


class SoftTimeLimitExceeded(Exception):
    """Raised in the main thread when the task's soft time limit is over.

    There is time to save what there is until the hard limit, which kills. A program that ends after
    it, by itself or by this exception, has the verdict soft_timeout.
    """
