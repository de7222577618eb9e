import LossKitSystem

/// What a process inherits: standard input, output and error, and the end of a pipe that nobody reads.
enum StandardFiles {
  /// Opens those of the three that are closed on /dev/null. Otherwise the next files that are opened, those of a run, take their
  /// numbers, and what is printed goes into them.
  static func openClosed() {
    for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) < 0 {
      // The lowest free number is taken, which is this one.
      _ = open("/dev/null", O_RDWR)
    }
  }

  /// Lets the process go on where the reader of its output has ended: writing fails, and the run keeps its model. To be called by
  /// commands whose result is a directory; the others end, as the programs of a pipeline do.
  static func outliveReaders() { signal(SIGPIPE, SIG_IGN) }
}
