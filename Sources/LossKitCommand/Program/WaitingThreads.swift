import LossKitSystem

/// How the threads of matrix products wait for each other.
enum WaitingThreads {
  /// Lets them sleep after some microseconds, unless the environment says otherwise.
  ///
  /// They are OpenMP's, which spin for milliseconds by default. If other programs use the processors, that delays the thread that others
  /// wait for. Call it before a library with OpenMP is opened.
  static func letSleep() {
    guard getenv("OMP_WAIT_POLICY") == nil else { return }
    setenv("GOMP_SPINCOUNT", "2000", 0)
  }
}
