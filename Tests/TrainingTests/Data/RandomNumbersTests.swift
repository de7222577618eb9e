import LossKitTraining
import Testing

@Suite("Random numbers")
struct RandomNumbersTests {
  /// The reference outputs of xoshiro256** from the state 1, 2, 3, 4.
  @Test("xoshiro256** gives the published sequence")
  func publishedSequence() throws {
    var random = try #require(RandomNumbers(state: [1, 2, 3, 4]))
    let expected: [UInt64] = [
      11520, 0, 1_509_978_240, 1_215_971_899_390_074_240, 1_216_172_134_540_287_360, 607_988_272_756_665_600,
    ]
    #expect(expected.map { _ in random.next() } == expected)
  }

  @Test("A seed always gives the same sequence, and each seed and stream a different one")
  func seeds() {
    var random = RandomNumbers(seed: 1)
    #expect((0..<3).map { _ in random.next() } == recorded)
    let starts = [(0, 0), (0, 1), (1, 0), (1, 1)].map { RandomNumbers(seed: $0.0, stream: $0.1).state }
    #expect(Set(starts).count == 4)
  }

  @Test("A stored state continues the sequence; an invalid state is rejected")
  func state() throws {
    var random = RandomNumbers(seed: 7)
    _ = random.next()
    var restored = try #require(RandomNumbers(state: random.state))
    #expect((0..<5).map { _ in restored.next() } == (0..<5).map { _ in random.next() })
    #expect(RandomNumbers(state: [0, 0, 0, 0]) == nil)
    #expect(RandomNumbers(state: [1, 2, 3]) == nil)
  }

  @Test("Integers are equally likely", arguments: [2, 3, 7, 10])
  func integers(bound: Int) {
    var random = RandomNumbers(seed: 3)
    var counts = [Int](repeating: 0, count: bound)
    let draws = 100_000
    for _ in 0..<draws { counts[random.integer(below: bound)] += 1 }
    let share = 1 / Double(bound)
    let deviation = (Double(draws) * share * (1 - share)).squareRoot()
    for count in counts { #expect(abs(Double(count) - Double(draws) * share) < 4.5 * deviation) }
  }

  @Test("Bounds at the ends")
  func bounds() {
    var random = RandomNumbers(seed: 3)
    #expect(random.integer(below: 1) == 0)
    #expect(random.integer(below: 0) == 0)
    #expect(random.integer(below: -5) == 0)
    for _ in 0..<100 { #expect((0..<Int.max).contains(random.integer(below: .max))) }
    for _ in 0..<1000 { #expect((0..<1).contains(random.uniform())) }
    #expect(random.permutation(of: 0).isEmpty)
    #expect(random.permutation(of: -1).isEmpty)
  }

  @Test("Every order of three is equally likely")
  func orders() {
    var random = RandomNumbers(seed: 5)
    var counts: [[Int]: Int] = [:]
    for _ in 0..<60_000 { counts[random.permutation(of: 3), default: 0] += 1 }
    #expect(counts.count == 6)
    for count in counts.values { #expect(abs(count - 10_000) < 450) }
  }
}

private let recorded: [UInt64] = [17_154_914_556_750_032_435, 15_481_925_071_032_317_162, 3_049_712_571_244_418_729]
