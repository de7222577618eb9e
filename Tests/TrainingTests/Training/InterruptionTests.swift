import LossKitSystem
import LossKitTraining
import Testing

struct InterruptionTests {
  /// The handlers were installed again by a later call, which swallowed the signal that the process was to end with.
  @Test func aSignalBetweenTwoCallsEndsTheProcess() async {
    await #expect(processExitsWith: .signal(SIGTERM)) {
      _ = Interruption.onSignals()
      raise(SIGTERM)
      guard Interruption.onSignals().isRequested else { return }
      Interruption.endProcessBySignal()
    }
  }
}
