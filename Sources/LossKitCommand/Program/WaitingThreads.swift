import LossKitSystem

/// How the threads of matrix products wait for each other.
enum WaitingThreads {
  /// Lets them sleep after some microseconds, unless the environment says otherwise.
  ///
  /// They are OpenMP's, which by itself lets them spin for milliseconds. Where other programs use the processors, that keeps one from
  /// the thread that is waited for. To be called before a library is opened that brings OpenMP.
  static func letSleep() {
    guard getenv("OMP_WAIT_POLICY") == nil else { return }
    setenv("GOMP_SPINCOUNT", "2000", 0)
  }
}
