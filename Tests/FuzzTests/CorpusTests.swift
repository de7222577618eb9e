import Foundation
import LossKit
import Testing

/// What the fuzzers found once, and inputs made of it by chance.
@Suite("Fuzzing")
struct CorpusTests {
  @Test(
    "Every input of the corpus is read or refused, and so are inputs made of it",
    arguments: FuzzTarget.all.map(\.name))
  func replay(name: String) async throws {
    // An input that traps ends the process.
    await #expect(processExitsWith: .success) { [name] in
      let target = try #require(FuzzTarget.named(name))
      let inputs = try Corpus.inputs(of: name)
      for input in inputs { try? target.read(input) }
      var mutator = Mutator(seed: 1, corpus: inputs)
      for _ in 0..<500 { try? target.read(mutator.next()) }
    }
  }

  @Test("Every target has a corpus, in which something is accepted", arguments: FuzzTarget.all)
  func accepted(target: FuzzTarget) throws {
    let inputs = try Corpus.inputs(of: target.name)
    #expect(inputs.contains { input in (try? target.read(input)) != nil })
    #expect(inputs.allSatisfy { $0.count <= 8192 })
  }
}

extension FuzzTarget: CustomTestStringConvertible {
  var testDescription: String { name }
}

/// The inputs that are kept.
enum Corpus {
  /// The inputs of a target, by the names of their files.
  static func inputs(of name: String) throws -> [[UInt8]] {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Corpus/\(name)")
    return try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
      .map { Array(try Data(contentsOf: folder.appendingPathComponent($0))) }
  }
}

/// Makes inputs of others, the same in each run.
struct Mutator {
  private var bits: SplitMix64
  private let corpus: [[UInt8]]

  init(seed: UInt64, corpus: [[UInt8]]) {
    bits = SplitMix64(seed: seed)
    self.corpus = corpus
  }

  /// The next input: one of the corpus with one to four changes.
  mutating func next() -> [UInt8] {
    var input = corpus.randomElement(using: &bits) ?? []
    for _ in 0..<Int.random(in: 1...4, using: &bits) { change(&input) }
    return input
  }

  private mutating func change(_ input: inout [UInt8]) {
    let place = Int.random(in: 0...input.count, using: &bits)
    let rest = input.count - place
    let length = min(rest, Int.random(in: 1...16, using: &bits))
    switch Int.random(in: 0..<6, using: &bits) {
    case 0 where rest > 0: input[place] ^= 1 << UInt8.random(in: 0..<8, using: &bits)
    case 1 where rest > 0: input[place] = .random(in: .min ... .max, using: &bits)
    case 2: input.removeSubrange(place..<place + length)
    case 3: input.insert(contentsOf: input[place..<place + length], at: place)
    case 4:
      let other = corpus.randomElement(using: &bits) ?? []
      input.replaceSubrange(place..., with: other.suffix(rest))
    default: input.insert(.random(in: .min ... .max, using: &bits), at: place)
    }
  }
}
