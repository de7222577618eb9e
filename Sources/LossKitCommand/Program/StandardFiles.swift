import LossKitSystem

/// The inherited standard input, output and error, and pipes without a reader.
enum StandardFiles {
  /// Opens closed standard files on /dev/null. Otherwise the next files of a run would take their numbers, and printed text would go
  /// into them.
  static func openClosed() {
    for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) < 0 {
      // open takes the lowest free descriptor, which is this one.
      _ = open("/dev/null", O_RDWR)
    }
  }

  /// Keeps the process running when the reader of its output ends: writing fails, and the run keeps its model. Commands whose result is a
  /// directory call it; the others end, like the programs of a pipeline.
  static func outliveReaders() { signal(SIGPIPE, SIG_IGN) }
}
