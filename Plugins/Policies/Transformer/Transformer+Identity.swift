internal import CMD
public import LossKit
import LossKitHead

extension Transformer {
  /// The identity of the model: facts are the sizes, the precision of products, and the optimizer's settings; the digest covers the
  /// weights and all facts but the optimizer's. Writes nothing.
  public func identity() throws -> PolicyIdentity? {
    typealias Fact = PolicyIdentity.Fact
    let integers = TransformerOptions.integers.map { Fact($0.name, "\(options[keyPath: $0.path])") }
    let booleans = [TransformerOptions.tie, TransformerOptions.rounding].map {
      Fact($0.name, "\(options[keyPath: $0.path])")
    }
    func facts(_ options: [TransformerOptions.Real]) -> [Fact] {
      options.map { Fact($0.name, "\(self.options[keyPath: $0.path])") }
    }
    let computation =
      integers + [Fact(TransformerOptions.maxLength.name, "\(options.context)")] + booleans
      + facts(TransformerOptions.computationReals) + configuration.facts + adapterFacts
    let text = try computation.map { "\($0.name)=\($0.value)" } + model.digests()
    let digest = Array(text.joined(separator: "\n").utf8).withUnsafeBytes { sha256($0) }
    return PolicyIdentity(
      facts: computation + facts(TransformerOptions.optimizerReals), digest: hexadecimal(digest))
  }
}

extension Transformer {
  /// The options of an adapter; none without, or for one that adds nothing for good.
  private var adapterFacts: [PolicyIdentity.Fact] {
    guard let adapter = model.adapter, !adapter.isVoid else { return [] }
    return [
      PolicyIdentity.Fact(TransformerOptions.loraRank.name, "\(options.lora.rank)"),
      PolicyIdentity.Fact(TransformerOptions.loraAlpha.name, "\(options.lora.alpha)"),
      PolicyIdentity.Fact(TransformerOptions.loraFlags[0].name, "\(options.lora.usesRSLoRA)"),
    ]
  }
}

extension LlamaModel {
  /// The digests of all that log-probabilities depend on beside the architecture.
  fileprivate func digests() throws -> [String] {
    var digests = [try weights.digest()]
    if layout.separatesMatrices, let rounded { digests.append(try rounded.digest()) }
    if let adapter, !adapter.isVoid {
      digests.append(try adapter.weights.digest())
      // Which projections have which factor.
      digests += adapter.layout.factors.map { "\($0.name) \($0.scale)" }
    }
    return digests
  }
}

extension FloatBuffer {
  /// The SHA-256 digest of the digests of its 1 MiB parts, in hexadecimal; computed on all processors.
  func digest() throws -> String {
    let bytes = UnsafeRawBufferPointer(bytes)
    let partSize = 1 << 20
    let starts = Array(stride(from: 0, to: bytes.count, by: partSize))
    let sums = UnsafeMutableRawBufferPointer.allocate(byteCount: starts.count * sumSize, alignment: 1)
    defer { sums.deallocate() }
    // Each part writes its own digest.
    Threads.forEachRange(of: starts.count, fewest: 1) { parts in
      for part in parts {
        let range = starts[part]..<min(starts[part] + partSize, bytes.count)
        UnsafeMutableRawBufferPointer(rebasing: sums[part * sumSize..<(part + 1) * sumSize])
          .copyBytes(from: sha256(UnsafeRawBufferPointer(rebasing: bytes[range])))
      }
    }
    return hexadecimal(sha256(UnsafeRawBufferPointer(sums)))
  }
}

private let sumSize = Int(SHA256_DIGEST_LENGTH)

private func sha256(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
  var context = SHA2_CTX()
  SHA256Init(&context)
  SHA256Update(&context, bytes.baseAddress, bytes.count)
  var sum = [UInt8](repeating: 0, count: sumSize)
  SHA256Final(&sum, &context)
  return sum
}

private func hexadecimal(_ bytes: [UInt8]) -> String {
  bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}
