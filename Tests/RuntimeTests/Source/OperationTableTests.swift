import Foundation
import LossKit
import Testing

@testable import LossKitRuntime

/// The table of operations: every entry is complete.
@Suite struct OperationTableTests {
  typealias Operation = LossKit.Operation

  /// Operations of formulas and gradients; the others occur only in compiled programs.
  static let written = Operation.allCases.filter { $0.entry.arity > 0 && $0.entry.code != nil }

  @Test func everyOperationHasANumberAndNamesOfItsOwn() {
    let operations = Operation.allCases
    #expect(operations.count == Operation.table.count && Set(operations).count == operations.count)
    #expect(Set(operations.map(\.description)).count == operations.count)
    for operation in operations {
      #expect(Operation(rawValue: operation.rawValue) == operation && operation.entry.operation == operation)
    }
    for number: UInt32 in [11, 48, 199, 255, 256, 1000, .max] { #expect(Operation(rawValue: number) == nil) }
    let texts = operations.filter { !$0.isInternal }.map(\.entry.text)
    #expect(Set(texts).count == texts.count)
  }

  /// The header's LOSSKIT_OP_LOG_SIGMOID is `logSigmoid` here, under the same number.
  @Test func theHeaderHasTheSameOperations() throws {
    let file = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../../Sources/CLossKit/include/losskit_plugin.h")
    let header = try String(contentsOf: file, encoding: .utf8)
    let declared = header.matches(of: #/LOSSKIT_OP_([A-Z0-9_]+) = (\d+)/#).map { "\($0.1)=\($0.2)" }
    let known = Operation.allCases.filter { !$0.isInternal }.map { operation in
      let words = operation.description.map { $0.isUppercase ? "_\($0)" : $0.uppercased() }
      return "\(words.joined())=\(operation.rawValue)"
    }
    #expect(declared.sorted() == known.sorted())
  }

  @Test func everyOperationOfAFormulaCanBeWrittenAsCode() {
    let missing = Operation.allCases.filter { !$0.isInternal && $0.entry.arity > 0 && $0.entry.code == nil }
    #expect(missing.isEmpty, "\(missing)")
  }

  @Test(arguments: written)
  func everyOperationHasAllItsSpellings(operation: Operation) {
    let entry = operation.entry
    for (notation, spelling) in [("plain", entry.plain), ("swift", entry.swift), ("latex", entry.latex)] {
      let parts = spelling.parts(of: GraphNode(operation), subject: "")
      let seen = parts.compactMap { if case .operand(let place, _) = $0 { place } else { nil } }
      #expect(Set(seen) == Set(0..<entry.arity), "\(notation): \(spelling.template)")
    }
    guard case .helper(let helper) = entry.code else { return }
    #expect(helper.operands.split(separator: ",").count == entry.arity + (entry.isBatch ? 1 : 0))
    // stopGradient has no function in code that computes its own gradients, and C computes batch operations itself.
    let isWritten = operation != .stopGradient
    for (language, body) in [("NumPy", helper.numpy), ("PyTorch", helper.torch), ("JAX", helper.jax), ("C", helper.c)] {
      let isNeeded = language == "C" ? isWritten && !entry.isBatch : isWritten || language != "NumPy"
      #expect((body != nil) == isNeeded, "\(language)")
    }
  }

  /// The number of operands is that of the table.
  @Test(arguments: FormulaFunction.all.map(\.name))
  func everyFunctionOfATextIsRead(name: String) throws {
    let function = try #require(FormulaFunction.named(name))
    for count in 1...4 {
      let operands = (0..<count).map { "\($0 + 1) * chosen.reward" }.joined(separator: ", ")
      let text = "{\(name)(\(operands))}"
      if function.operandCount.contains(count) {
        _ = try FormulaText(parsing: text).component()
      } else {
        #expect(throws: Failure.self) { try FormulaText(parsing: text).component() }
      }
    }
  }
}
