import Foundation
import LossKit
import LossKitRuntime
import LossKitTraining
import Testing

@Suite struct ForceFieldTests {
  private func field(_ text: String) throws -> ForceField {
    try ForceField(Objective(text, in: PluginRegistry(searchPath: try PluginSearchPath([try Tool.directory()]))))
  }

  private func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }

  @Test func theSlopesAreTheClosedForms() throws {
    let places = [[0.0, 0.0], [1.0, -2.0], [-3.5, 4.0], [0.25, 0.75]]
    let cases: [(String, (Double, Double) -> [Double])] = [
      ("dpo(beta=0.3)", { [-0.3 * self.sigmoid(-0.3 * ($0 - $1)), 0.3 * self.sigmoid(-0.3 * ($0 - $1))] }),
      ("ipo(beta=0.1)", { [2 * ($0 - $1 - 5), -2 * ($0 - $1 - 5)] }),
      ("hinge(beta=0.5)", { 0.5 * ($0 - $1) < 1 ? [-0.5, 0.5] : [0, 0] }),
      (
        "cal-dpo(beta=0.05)",
        { [-self.sigmoid($1 - $0) + 2 * ($0 - 10), self.sigmoid($1 - $0) + 2 * ($1 + 10)] }
      ),
      (
        "simpo(beta=2, gamma_beta_ratio=0)",
        { [-0.1 * self.sigmoid(-0.1 * ($0 - $1)), 0.1 * self.sigmoid(-0.1 * ($0 - $1))] }
      ),
    ]
    for (text, slopes) in cases {
      for (place, sample) in zip(places, try field(text).samples(at: places)) {
        for (found, expected) in zip(sample.slopes, slopes(place[0], place[1])) {
          #expect(abs(found - expected) <= 1e-12 * max(1, abs(expected)), "\(text) at \(place)")
        }
      }
    }
  }

  @Test func singleResponsesHaveAForceForEachLabel() throws {
    let field = try field("kto(beta=0.2)")
    #expect(field.responseCount == 1)
    let slope = 0.2 * sigmoid(0.6) * sigmoid(-0.6)
    let (desirable, undesirable) = (
      try field.samples(at: [[3]], label: 1)[0], try field.samples(at: [[3]], label: 0)[0]
    )
    #expect(abs(desirable.slopes[0] + slope) < 1e-12 && abs(undesirable.slopes[0] - slope) < 1e-12)
  }

  @Test(arguments: [(0.05, 1.0), (0.001, 1.0), (0.5, 0.25)])
  func theFixedPointOfCalDPO(_ beta: Double, _ calibration: Double) throws {
    let points = try field("cal-dpo(beta=\(beta), calibration=\(calibration))").fixedPoints()
    let point = try #require(points.first)
    #expect(points.count == 1 && point.isStable)
    let expected = 1 / (2 * beta) + 1 / (1 + exp(point.chosen - point.rejected)) / (2 * calibration)
    #expect(abs(point.chosen - expected) < 1e-8 * expected && abs(point.rejected + expected) < 1e-8 * expected)
  }

  @Test(arguments: ["dpo", "ipo", "hinge", "simpo"])
  func lossesOfTheMarginHaveNoIsolatedFixedPoint(_ name: String) throws {
    let points = try field(name).fixedPoints()
    #expect(points.isEmpty)
  }

  @Test(arguments: [
    ("aot", "depends on the other pairs of its batch"), ("aot-unpaired", "depends on the other pairs of its batch"),
    ("dr-dpo", "depends on the other pairs of its batch"),
    ("bco", "depends on the other pairs of its batch"), ("beta-dpo", "depends on the"),
    ("tdpo1", "'policy_kl', which is not a function of log π"), ("ld-dpo", "which is not a function of log π"),
  ])
  func whatIsNoPictureOfOnePairIsRefused(_ name: String, _ reason: String) throws {
    let failure = #expect(throws: Failure.self) { try field(name) }
    #expect(failure?.message.contains(reason) == true, "\(failure?.message ?? "")")
    #expect(failure?.message.contains("losskit compare") == true)
  }

  /// The batch affects them only by the mean likelihood, or by responses that stay at the reference.
  @Test(arguments: ["cpo", "kto", "dpo-shift"])
  func batchesAndStateThatDoNotMoveTheForceAreNoObstacle(_ name: String) throws {
    #expect(throws: Never.self) { try field(name) }
  }
}
