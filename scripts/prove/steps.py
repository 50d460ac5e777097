"""Every name of src/sandbox/steps.h: taken out by ./dev prove, or why not. tests/house compares."""

# Each is taken out by itself, with the checks that would refuse such a cell (CHECKS): the attacks
# and the looks from inside must find it by themselves.
TAKEN_OUT = """
    pid_namespace mount_namespace ipc_namespace uts_namespace network cgroup_namespace user_namespace
    memory_limit cpu_limit process_limit cgroup_join
    read_only_root hidden_configuration pivot_root detach_root mount_proc mount_box mount_tmp mount_shm
    host_name oom_score bounding_set secure_bits
    session descriptors rlimits identity capabilities signals no_new_privs filter shared_filter
    init_identity init_capabilities streams size_limits
    enter_cell warm_seeds warm_arguments warm_exit
""".split()
CHECKS = ["read_back", "self_test"]

# Why the others are not.
KEPT = {
    "launcher_mounts": "the launcher's mounts, on which all others stand, would be the host's",
    "launcher_proc": "without it no id map can be written",
    "uid_range": "takes a lock; two_workers tests see it",
    "cgroup_setup": "without it there is no group to limit anything",
    "root_template": "without it there is nothing to run",
    "filter_compile": "makes what the two filter steps load",
    "request": "reads what is to be run",
    "uids": "gives the cell its ids",
    "cgroup_create": "see memory_limit, cpu_limit, process_limit",
    "cgroup_limits": "see memory_limit, cpu_limit, process_limit",
    "oom_watch": "a second source of the verdict beside the counters",
    "pipes": "gives, takes nothing away",
    "clone": "see the four namespaces it makes",
    "id_map": "without it no id exists in the cell, and identity fails",
    "directories": "descriptors for the launcher",
    "fork_program": "without it there is no program",
    "warm_fork": "without it there is no program",
    "working_directory": "convenience; the root has nothing to hide",
    "resize": "without it the cell has the default limits; ahead_test sees it",
    "input_files": "gives, takes nothing away",
    "exec": "without it there is no program",
    "init_lost": "names an end, is no step",
    "collect": "names an end, is no step",
    "teardown": "names an end, is no step",
    "warm_lost": "names an end, is no step",
    "launcher_lost": "names an end, is no step",
    "launcher_start": "names an end, is no step",
}
