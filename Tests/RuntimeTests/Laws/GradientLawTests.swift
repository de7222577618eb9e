import LossKit
import LossKitTestSupport
import Testing

@testable import LossKitRuntime

/// Gradients against differences of the values, at random points of every loss and reward that was built.
@Suite struct GradientLawTests {
  @Test func theBuiltLossesAndRewardsAreFound() {
    #expect(Tested.losses.count >= 7)
    #expect(Tested.rewards.count >= 4)
  }

  @Test(arguments: Tested.all)
  func gradientsAreTheSlopesOfTheValuesAtAThousandPoints(tested: Tested) throws {
    let component = try tested.load()
    var calls = RandomCalls(component, seed: tested.seed)
    var points = 0
    var kinks = 0
    while points < 1000 {
      for parameters in calls.parameterSets() {
        var call = calls.call(prompts: component.isRowwise ? 100 : 8)
        call.parameters = parameters
        let result = try call.run()
        let gradients = result.gradients
        let frozen = try FrozenFormula(component, call)
        if let frozen { #expect(worstError(frozen.outputs(call.inputs), result.output) < 1e-12) }
        for (name, gradient) in gradients {
          for entries in entryGroups(of: call, count: gradient.count, isRowwise: component.isRowwise) {
            let slopes = try Slopes(call, column: name, entries: entries, isRowwise: component.isRowwise, frozen)
            for (index, entry) in entries.enumerated() {
              points += 1
              if slopes.isKink(index) {
                kinks += 1
              } else {
                #expect(
                  slopes.agree(gradient[entry], at: index),
                  "\(tested.name) \(parameters): derivative by \(name)[\(entry)] is \(gradient[entry]), differences say \(slopes.fine[index])"
                )
              }
            }
          }
        }
        // A component that differentiates nothing has nothing to be compared.
        if gradients.isEmpty { points = 1000 }
      }
    }
    // Where a batch is sorted, neighbours change places at a kink.
    #expect(kinks * 10 <= points, "\(kinks) of \(points) points lay at kinks")
  }

  @Test(arguments: Tested.all)
  func everyGradientIsWrittenAndThatOfWhatIsNotReadIsZero(tested: Tested) throws {
    let component = try tested.load()
    var calls = RandomCalls(component, seed: tested.seed)
    for responses in component.responses.lowerBound...min(component.responses.upperBound, 4) {
      for parameters in calls.parameterSets() {
        var call = calls.call(prompts: 5, responses: responses)
        call.parameters = parameters
        let result = try call.run()
        #expect(result.output.allSatisfy { $0.isFinite })
        for (name, gradient) in result.gradients {
          #expect(gradient.allSatisfy { $0.isFinite }, "\(tested.name): gradient by \(name) is \(gradient)")
          // What moves the values by less than their last bit cannot be told from what is not read.
          let invisible = (result.output.map { Swift.abs($0) }.max() ?? 0) * 0x1p-50
          for entry in gradient.indices where try !isRead(name, entry, by: call) {
            #expect(
              Swift.abs(gradient[entry]) <= invisible,
              "\(tested.name): \(name)[\(entry)] is not read, and has gradient \(gradient[entry])"
            )
          }
        }
      }
    }
  }

  private func isRead(_ name: String, _ entry: Int, by call: ComponentCall) throws -> Bool {
    var moved = call
    moved.inputs[name]?[entry] += 0.7
    moved.cotangent = nil
    var still = call
    still.cotangent = nil
    return try bits(moved.run().output) != bits(still.run().output)
  }

  /// Entries whose derivatives can be taken at once: one of each prompt where prompts do not depend on each other.
  private func entryGroups(of call: ComponentCall, count: Int, isRowwise: Bool) -> [[Int]] {
    if !isRowwise || call.hasTokens { return (0..<count).map { [$0] } }
    return stride(from: 0, to: count, by: call.prompts).map { Array($0..<$0 + call.prompts) }
  }
}

/// Slopes of Σ cotangent · output along some entries of a column, by differences of two sizes.
private struct Slopes {
  static let step = 0.02
  let coarse, fine: [Double]
  /// The size of the values, whose rounding errors the differences magnify.
  private let sizes: [Double]

  init(
    _ call: ComponentCall, column: String, entries: [Int], isRowwise: Bool, _ frozen: FrozenFormula?
  ) throws {
    func values(_ offset: Double) throws -> [Double] {
      var moved = call
      moved.cotangent = nil
      for entry in entries { moved.inputs[column]?[entry] += offset }
      let output = try frozen?.outputs(moved.inputs) ?? moved.run().output
      return entries.map { entry in
        let own = isRowwise && !call.hasTokens ? entry % call.prompts : nil
        return zip(output, call.cotangent ?? []).enumerated().reduce(0) { sum, term in
          own == nil || term.offset % call.prompts == own ? sum + term.element.0 * term.element.1 : sum
        }
      }
    }
    func slopes(_ step: Double) throws -> [Double] {
      let pairs = try [1.0, 2, 3].map { (size: $0 * step, up: try values($0 * step), down: try values(-$0 * step)) }
      return entries.indices.map { index in
        let slope = pairs.map { ($0.up[index] - $0.down[index]) / (2 * $0.size) }
        return (15 * slope[0] - 6 * slope[1] + slope[2]) / 10
      }
    }
    coarse = try slopes(Self.step)
    fine = try slopes(Self.step / 2)
    let middle = try values(0)
    let largest = middle.map { Swift.abs($0) }.max() ?? 0
    sizes = middle.map { max(Swift.abs($0), largest * 1e-3) }
  }

  private func tolerance(_ index: Int) -> Double { 1e-8 + 1e-7 * abs(fine[index]) + 1e-12 * sizes[index] }

  func isKink(_ index: Int) -> Bool { abs(coarse[index] - fine[index]) > tolerance(index) }

  func agree(_ gradient: Double, at index: Int) -> Bool { abs(gradient - fine[index]) <= tolerance(index) }
}
