import CLossKit
import Dispatch
import LossKit
import LossKitTestSupport
import Synchronization
import Testing

@testable import LossKitRuntime

/// What every call of every component keeps to.
@Suite struct CallLawTests {
  @Test(arguments: Tested.all)
  func equalCallsGiveEqualBitsAlsoFromEightThreadsAtOnce(tested: Tested) throws {
    let component = try tested.load()
    var calls = RandomCalls(component, seed: tested.seed)
    for parameters in calls.parameterSets() {
      var made = calls.call(prompts: 333)
      made.parameters = parameters
      let call = made
      let first = try call.run()
      let differences = Mutex(0)
      DispatchQueue.concurrentPerform(iterations: 8) { _ in
        for _ in 0..<3 {
          let other = try? call.run()
          let isSame =
            other.map {
              bits($0.output) == bits(first.output) && bits($0.state) == bits(first.state)
                && $0.gradients.mapValues(bits) == first.gradients.mapValues(bits)
            } ?? false
          if !isSame { differences.withLock { $0 += 1 } }
        }
      }
      #expect(differences.withLock { $0 } == 0)
    }
  }

  @Test(arguments: Tested.all)
  func aBatchOfNoPromptsIsLegalAndKeepsTheState(tested: Tested) throws {
    let component = try tested.load()
    var calls = RandomCalls(component, seed: tested.seed)
    for parameters in calls.parameterSets() {
      var call = calls.call(prompts: 0)
      call.parameters = parameters
      let result = try call.run()
      #expect(result.output.isEmpty)
      #expect(result.gradients.values.allSatisfy { $0.isEmpty })
      #expect(result.state == component.initialState)
    }
  }

  @Test(arguments: Tested.all)
  func valuesAndGradientsAreFiniteForLogRatiosOfTenThousand(tested: Tested) throws {
    let component = try tested.load()
    var calls = RandomCalls(component, seed: tested.seed)
    let extremes = [1e4, -1e4, 0, 5e3]
    for parameters in calls.parameterSets() {
      var call = calls.call(prompts: 16, responses: min(component.responses.upperBound, 2))
      call.parameters = parameters
      // Every pairing of the extremes in a chosen and a rejected response.
      let values = (0..<call.responses * 16).map { (row: Int) -> Double in
        row < 16 ? extremes[row % 4] : extremes[row % 16 / 4]
      }
      if call.inputs["reward"] != nil { call.inputs["reward"] = values }
      if let reference = call.inputs["reference_logp"] {
        call.inputs["policy_logp"] = zip(reference, values).map { $0 + $1 }
      } else if call.inputs["policy_logp"] != nil {
        call.inputs["policy_logp"] = values.map { -Swift.abs($0) }
      }
      let result = try call.run()
      #expect(result.output.allSatisfy { $0.isFinite }, "\(tested.name): \(result.output)")
      for (name, gradient) in result.gradients {
        #expect(gradient.allSatisfy { $0.isFinite }, "\(tested.name): \(name) \(gradient)")
      }
    }
  }

  @Test(arguments: Tested.all)
  func aBatchOfRankingsOfDifferentLengthEqualsABatchForEachLength(tested: Tested) throws {
    let component = try tested.load()
    guard component.responses.upperBound > component.responses.lowerBound else { return }
    var calls = RandomCalls(component, seed: tested.seed)
    let lengths = component.responses.lowerBound...min(component.responses.upperBound, 4)
    for parameters in calls.parameterSets() {
      let counts = (0..<60).map { _ in UInt32(Int.random(in: lengths, using: &calls.numbers)) }
      var call = calls.call(prompts: 60, responses: lengths.upperBound, counts: counts)
      call.parameters = parameters
      if call.hasTokens { continue }
      let mixed = try call.run()
      for length in lengths where component.isRowwise {
        let prompts = counts.indices.filter { counts[$0] == UInt32(length) }
        var part = call.of(prompts: prompts)
        part.counts = nil
        part.responses = length
        part.inputs = part.inputs.mapValues { values in
          // Of each reference's part the first ranks.
          stride(from: 0, to: values.count, by: max(prompts.count * call.responses, 1)).flatMap {
            values[$0..<min($0 + prompts.count * length, values.count)]
          }
        }
        part.cotangent = part.cotangent.map { Array($0.prefix(part.outputCount)) }
        let alone = try part.run()
        let own = call.pick(prompts, of: mixed.output)
        #expect(bits(Array(own.prefix(part.outputCount))) == bits(alone.output), "\(tested.name): values")
        #expect(own.dropFirst(part.outputCount).allSatisfy { $0 == 0 }, "\(tested.name): values beyond a ranking's end")
        for (name, gradient) in alone.gradients {
          let own = call.pick(prompts, of: mixed.gradients[name] ?? [])
          #expect(bits(Array(own.prefix(gradient.count))) == bits(gradient), "\(tested.name): \(name)")
          #expect(
            own.dropFirst(gradient.count).allSatisfy { $0 == 0 }, "\(tested.name): \(name) beyond a ranking's end")
        }
      }
      // Where prompts depend on each other, what is known is that nothing beyond a ranking's end is read or written.
      var other = call
      for (name, column) in call.columns where column.extent == 1 {
        for entry in (other.inputs[name] ?? []).indices
        where entry / 60 % call.responses >= Int(counts[entry % 60]) { other.inputs[name]?[entry] = .nan }
      }
      let found = try other.run()
      #expect(bits(found.output) == bits(mixed.output))
      #expect(found.gradients.mapValues(bits) == mixed.gradients.mapValues(bits))
    }
  }
}
