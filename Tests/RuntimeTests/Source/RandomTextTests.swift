import Foundation
import LossKit
import Testing

@testable import LossKitRuntime
@testable import LossKitSource

/// Random objectives in every format: each is written or refused, and none ends the process.
///
/// `LOSSKIT_RANDOM_TEXTS=50000` makes that many, and names each before it is tried.
@Suite struct RandomTextTests {
  private static let wanted = ProcessInfo.processInfo.environment["LOSSKIT_RANDOM_TEXTS"].flatMap(Int.init)

  @Test func everyObjectiveIsWrittenOrRefused() throws {
    let registry = try BuiltPlugins.registry()
    var texts = RandomTexts(seed: 14, losses: BuiltPlugins.names(.loss), rewards: BuiltPlugins.names(.reward))
    var objectives = 0
    var written: [ExportFormat: Int] = [:]
    for index in 0..<(Self.wanted ?? 400) {
      let text = texts.objective()
      let (responses, references) = (texts.count(), texts.count())
      if Self.wanted != nil { print("\(index) \(text) for \(responses ?? -1), \(references ?? -1)") }
      guard let objective = try Self.orRefused({ try Objective(text, in: registry) }) else { continue }
      objectives += 1
      #expect(objective.hash.count == 64)
      for format in ExportFormat.allCases {
        let code = try Self.orRefused {
          try objective.exported(as: format, responses: responses, references: references)
        }
        if code != nil { written[format, default: 0] += 1 }
      }
      for part in objective.terms.map(\.loss) + (objective.reward.map { [$0] } ?? []) where part.component.text != nil {
        _ = try Self.orRefused { try FormulaTexts(part.component) }
        _ = try Self.orRefused { try part.component.swiftSource(name: "a", typeName: "A", summary: "") }
        for format in ExportFormat.allCases {
          _ = try Self.orRefused {
            try part.component.exported(as: format, values: part.values, responses: responses, references: references)
          }
        }
      }
    }
    // Most can be opened, and most of these be written, so that something is tested.
    #expect(objectives > (Self.wanted ?? 400) / 4)
    for format in ExportFormat.allCases { #expect(written[format, default: 0] > objectives / 4, "\(format)") }
  }

  /// The value, or nil if it was refused with a failure that says why.
  private static func orRefused<Value>(_ value: () throws -> Value) throws -> Value? {
    do {
      return try value()
    } catch let failure as Failure {
      #expect(failure.message.count > 10)
      return nil
    }
  }
}
