import LossKitTraining
import Testing

@Suite struct ScheduleTests {
  @Test func constantStaysAtThePeakAfterTheWarmup() {
    let schedule = Schedule(shape: .constant, peak: 0.5, warmupSteps: 4, totalSteps: 10)
    let rates = (0..<10).map(schedule.rate(atStep:))
    #expect(rates == [0, 0.125, 0.25, 0.375, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5])
  }

  @Test func cosineFallsFromThePeakToZero() {
    let schedule = Schedule(shape: .cosine, peak: 2, warmupSteps: 2, totalSteps: 10)
    // peak · (1 + cos(π · progress)) / 2 at progress 0, 1/4, 1/2, 3/4, 1.
    let half = 0.5.squareRoot()
    let expected = [(2, 2), (4, 1 + half), (6, 1), (8, 1 - half), (10, 0)]
    for (step, rate) in expected { #expect(abs(schedule.rate(atStep: step) - rate) < 1e-15) }
    #expect(schedule.rate(atStep: 1) == 1)
  }

  @Test func noWarmupStartsAtThePeak() {
    #expect(Schedule(shape: .cosine, peak: 1, warmupSteps: 0, totalSteps: 3).rate(atStep: 0) == 1)
  }
}
