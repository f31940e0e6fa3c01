#include "run_program.hpp"

#if defined(_WIN32)

namespace vram::cli {
std::optional<std::string> output_of(const std::vector<std::string>&, double) { return std::nullopt; }
}  // namespace vram::cli

#else

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>

extern char** environ;

namespace vram::cli {
namespace {

constexpr std::size_t kOutputLimitBytes = std::size_t{1} << 20;

// Standard input and error are /dev/null; its own process group, so that what it starts can be killed with it.
pid_t start(const std::vector<std::string>& arguments, int output) {
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  pid_t child = -1;
  const int failed = posix_spawnp(&child, argv[0], &actions, &attributes, argv.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return failed == 0 ? child : -1;
}

// Everything up to the end of the output; false when time or space ran out first.
bool read_all(int input, double seconds, std::string& text) {
  using Clock = std::chrono::steady_clock;
  const auto deadline = Clock::now() + std::chrono::duration<double>(seconds);
  while (text.size() <= kOutputLimitBytes) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return false;
    pollfd ready{input, POLLIN, 0};
    const int polled = poll(&ready, 1, static_cast<int>(left));
    if (polled < 0 && errno == EINTR) continue;
    if (polled <= 0) return false;
    char buffer[4096];
    const ssize_t count = read(input, buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return false;
    if (count == 0) return true;
    text.append(buffer, static_cast<std::size_t>(count));
  }
  return false;
}

}  // namespace

std::optional<std::string> output_of(const std::vector<std::string>& arguments, double seconds) {
  int ends[2];
  if (pipe(ends) != 0) return std::nullopt;
  fcntl(ends[0], F_SETFD, FD_CLOEXEC);
  fcntl(ends[1], F_SETFD, FD_CLOEXEC);
  const pid_t child = start(arguments, ends[1]);
  close(ends[1]);
  std::string text;
  const bool whole = child > 0 && read_all(ends[0], seconds, text);
  close(ends[0]);
  if (child <= 0) return std::nullopt;
  if (!whole) kill(-child, SIGKILL);
  int status = 0;
  // A program that closed its output but does not end is not waited for longer than a second.
  for (int tries = 0; waitpid(child, &status, WNOHANG) == 0; ++tries) {
    if (tries == 100) kill(-child, SIGKILL);
    usleep(10000);
  }
  if (!whole || !WIFEXITED(status) || WEXITSTATUS(status) != 0) return std::nullopt;
  return text;
}

}  // namespace vram::cli

#endif
