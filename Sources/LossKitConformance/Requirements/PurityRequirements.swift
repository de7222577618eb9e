import Dispatch
import LossKit
import Synchronization

extension ComponentRequirement {
  /// Calls keep nothing that later calls could notice.
  static let pure = ComponentRequirement(
    name: "pure", summary: "a repeated call gives the same bits, also after other calls and from 8 threads at once"
  ) { subject in
    var calls = subject.calls
    for parameters in calls.parameterSets() {
      var made = calls.call(prompts: 333)
      made.parameters = parameters
      let call = made
      var another = calls.call(prompts: 333)
      another.parameters = parameters
      let other = another
      let first = try subject.run(call)
      try subject.expect(call, gives: first, "called again")
      let second = try subject.run(other)
      try subject.expect(call, gives: first, "called again after another call")
      subject.note("calls from 8 threads at once")
      let difference = Mutex<String?>(nil)
      DispatchQueue.concurrentPerform(iterations: 8) { thread in
        for round in 0..<10 {
          let isOther = (thread + round) % 2 == 1
          let found: String?
          do {
            found = try isOther ? other.run().difference(from: second) : call.run().difference(from: first)
          } catch {
            found = "\(error)"
          }
          if let found { difference.withLock { $0 = found } }
        }
      }
      if let found = difference.withLock({ $0 }) {
        throw Failure("called from 8 threads at once: \(found)\(subject.text(parameters))")
      }
    }
    return .met("")
  }

  /// Randomness comes only from the seed.
  static let seed = ComponentRequirement(
    name: "seed", summary: "randomness comes only from the seed, not from addresses of columns or earlier calls"
  ) { subject in
    var calls = subject.calls
    var differs = false
    for parameters in calls.parameterSets() {
      var call = calls.call(prompts: 40)
      call.parameters = parameters
      let first = try subject.run(call)
      var other = call
      other.seed = calls.numbers.next()
      for shift in [1, 2, 5, 64, 513] {
        differs = try subject.run(other).difference(from: first) != nil || differs
        call.placement = .apart(shift: shift)
        try subject.expect(call, gives: first, "with its columns at other addresses, after a call with another seed")
      }
    }
    return .met(differs ? "it draws random numbers" : "it draws no random numbers")
  }

  /// Another process gives the same results. The verdict here is a digest of the results, which the two processes' reports compare.
  static let repeatable = ComponentRequirement(
    name: repeatableName, summary: "another process, a second later and in another order of calls, gives the same bits"
  ) { subject in .met(try subject.digest(reversed: false)) }

  /// The name of the requirement whose verdict needs two processes.
  package static let repeatableName = "repeatable"
}

extension ComponentSubject {
  /// A digest of the bits of some results, in 16 hexadecimal digits.
  package func digest(reversed: Bool) throws -> String {
    var calls = calls
    let made = calls.parameterSets().prefix(4).map { parameters in
      var call = calls.call(prompts: 40)
      call.parameters = parameters
      return call
    }
    var sums = [UInt64](repeating: 0, count: made.count)
    for index in reversed ? made.indices.reversed() : Array(made.indices) {
      let result = try run(made[index])
      let numbers = result.output + result.gradients.sorted { $0.key < $1.key }.flatMap(\.value) + result.state
      sums[index] = numbers.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ $1.bitPattern) &* 0x100_0000_01B3 }
    }
    let digits = String(sums.reduce(0) { ($0 &* 31) ^ $1 }, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }

  /// Throws if a call gives other bits than before.
  func expect(_ call: ComponentCall, gives expected: ComponentCall.Result, _ condition: String) throws {
    if let difference = try run(call).difference(from: expected) {
      throw Failure("\(condition): \(difference)\(text(call.parameters))")
    }
  }
}
