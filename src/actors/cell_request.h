// What a cell is asked to run, from a language and a program. Pure.
#pragma once

#include <vector>

#include "config/languages.h"
#include "model/task.h"
#include "sandbox/cell_runner.h"
#include "sandbox/warm_image.h"

namespace kiln::actors {

inline constexpr const char* kCompiledName = "program";  // of what a compile step makes
inline constexpr uint64_t kMaxCompiledBytes = 12 * model::kMB;

using ProgramFiles = std::vector<model::InputFile>;

// The program of a task: its source among the files, its arguments behind the language's command.
// Of a compiled language `compiled` is what its compile step made, and takes the source's place.
sandbox::CellRequest make_cell_request(const config::Language& language, model::Program program,
                                       const ProgramFiles& compiled = {});
// What launchers keep warm for these languages, by WarmImage::number.
std::vector<sandbox::WarmImage> warm_images(const config::Languages& languages);
// The compile step: source and files go in, the task's arguments, input, environment and limits do
// not. What it leaves in /box/out is what it made.
sandbox::CellRequest make_compile_request(const config::Language& language,
                                          const model::Program& program);
// The command that shows a language's version.
sandbox::CellRequest make_detect_request(const config::Language& language);

}  // namespace kiln::actors
