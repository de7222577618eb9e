import LossKitTraining
import Testing

@Suite struct ScheduleTests {
  typealias Case = (shape: Schedule.Shape, lowest: Double, cycles: Int, warmup: Int, rates: [Double])

  /// Rates of transformers 5.24.0: `get_scheduler` with a learning rate of 3e-4, 11 training steps and the warm-up of the case;
  /// `min_lr_rate` 0.1, `min_lr` 6e-5 and `num_cycles` 3 if the shape reads them.
  static let cases: [Case] = [
    (.constant, 0, 1, 0, [Double](repeating: 3e-4, count: 11)),
    (.constantWithWarmup, 0, 1, 3, [0, 1e-4, 2e-4] + [Double](repeating: 3e-4, count: 8)),
    (
      .linear, 0, 1, 0,
      [
        3e-4, 2.727272727272727e-4, 2.4545454545454545e-4, 2.1818181818181816e-4, 1.909090909090909e-4,
        1.636363636363636e-4, 1.3636363636363634e-4, 1.0909090909090908e-4, 8.18181818181818e-5, 5.454545454545454e-5,
        2.727272727272727e-5,
      ]
    ),
    (.linear, 0, 1, 3, [0, 1e-4, 2e-4, 3e-4, 2.625e-4, 2.25e-4, 1.875e-4, 1.5e-4, 1.125e-4, 7.5e-5, 3.75e-5]),
    (
      .cosine, 0, 1, 0,
      [
        3e-4, 2.939239460421746e-4, 2.761880299246772e-4, 2.4822911009179276e-4, 2.1231225195028297e-4,
        1.7134722574099276e-4, 1.2865277425900724e-4, 8.768774804971705e-5, 5.1770889908207245e-5, 2.38119700753228e-5,
        6.076053957825411e-6,
      ]
    ),
    (
      .cosine, 0, 1, 3,
      [
        0, 1e-4, 2e-4, 3e-4, 2.88581929876693e-4, 2.5606601717798207e-4, 2.0740251485476345e-4, 1.5e-4,
        9.259748514523653e-5, 4.3933982822017876e-5, 1.1418070123306989e-5,
      ]
    ),
    (
      .cosineWithLowest, 0.1, 1, 0,
      [
        3e-4, 2.9453155143795715e-4, 2.785692269322094e-4, 2.534061990826135e-4, 2.2108102675525468e-4,
        1.8421250316689352e-4, 1.457874968331065e-4, 1.0891897324474534e-4, 7.659380091738652e-5,
        5.143077306779053e-5, 3.546844856204287e-5,
      ]
    ),
    (
      .cosineWithLowest, 6e-5 / 3e-4, 1, 3,
      [
        0, 1e-4, 2e-4, 3e-4, 2.9086554390135436e-4, 2.648528137423857e-4, 2.2592201188381076e-4, 1.8e-4,
        1.3407798811618924e-4, 9.51471862576143e-5, 6.913445609864558e-5,
      ]
    ),
    (
      .cosineWithRestarts, 0, 3, 0,
      [
        3e-4, 2.4822911009179276e-4, 1.2865277425900724e-4, 2.3811970075322835e-5, 2.939239460421746e-4,
        2.1231225195028302e-4, 8.768774804971712e-5, 6.0760539578253945e-6, 2.761880299246772e-4,
        1.7134722574099274e-4, 5.1770889908207346e-5,
      ]
    ),
    (
      .cosineWithRestarts, 0, 3, 3,
      [
        0, 1e-4, 2e-4, 3e-4, 2.0740251485476345e-4, 4.3933982822017876e-5, 2.88581929876693e-4, 1.5e-4,
        1.1418070123306989e-5, 2.5606601717798207e-4, 9.259748514523653e-5,
      ]
    ),
    (
      .inverseSquareRoot, 0, 1, 0,
      [
        3e-4, 2.999850011249063e-4, 2.9997000449925014e-4, 2.999550101224694e-4, 2.999400179940021e-4,
        2.999250281132863e-4, 2.9991004047976057e-4, 2.9989505509286343e-4, 2.9988007195203356e-4,
        2.9986509105671004e-4, 2.998501124063319e-4,
      ]
    ),
    (
      .inverseSquareRoot, 0, 1, 3,
      [
        0, 1e-4, 2e-4, 3e-4, 2.5980762113533157e-4, 2.32379000772445e-4, 2.1213203435596422e-4, 1.9639610121239312e-4,
        1.837117307087383e-4, 1.7320508075688773e-4, 1.643167672515498e-4,
      ]
    ),
  ]

  @Test(arguments: cases.indices)
  func ratesAreThoseOfTransformers(index: Int) {
    let (shape, lowest, cycles, warmup, expected) = Self.cases[index]
    let schedule = Schedule(
      shape: shape, peak: 3e-4, warmupSteps: warmup, totalSteps: 11, lowestPart: lowest, cycles: cycles)
    #expect(expected.count == 11)
    for (step, rate) in expected.enumerated() {
      #expect(abs(schedule.rate(atStep: step) - rate) <= 1e-18, "\(shape.rawValue), warm-up \(warmup), step \(step)")
    }
  }

  @Test func everyShapeHasACase() {
    #expect(Set(Self.cases.map(\.shape)) == Set(Schedule.Shape.allCases))
  }
}
