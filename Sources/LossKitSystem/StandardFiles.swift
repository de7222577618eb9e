/// The inherited standard input, output and error of a program, and the signals of writing. Programs call these at their start; a
/// library leaves the process of its host as it is.
package enum StandardFiles {
  /// Opens closed standard files on /dev/null. Otherwise the next files that are opened take their numbers, and printed text goes into
  /// them.
  package static func openClosed() {
    for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) < 0 {
      // open takes the lowest free descriptor, which is this one.
      _ = open("/dev/null", O_RDWR)
    }
  }

  /// Makes writing beyond the limit on the size of files fail with an error that names the file; by default the signal SIGXFSZ ends the
  /// process.
  package static func outliveFileLimits() { signal(SIGXFSZ, SIG_IGN) }

  /// Keeps the process running when the reader of its output ends: writing fails, and the run keeps its model. Commands whose result is a
  /// directory call it; the others end, like the programs of a pipeline.
  package static func outliveReaders() { signal(SIGPIPE, SIG_IGN) }
}
