import CLossKit
public import LossKit

extension LoadedPolicyType {
  /// Whether its library implements the identity extension.
  public var canStateIdentity: Bool { extensionPointer(identityExtensionID) != nil }
}

extension PolicyInstance {
  /// The identity that the instance states; nil if it states none, or its library does not implement the extension.
  ///
  /// Throws what the policy reports, and for names, values or a digest that violate the ABI.
  public func identity() throws -> PolicyIdentity? {
    guard let pointer = type.extensionPointer(identityExtensionID) else { return nil }
    guard let describe = pointer.assumingMemoryBound(to: losskit_identity_extension_v1.self).pointee.describe else {
      return nil
    }
    let received = IdentityReceiver()
    try withPolicy { policy, error in
      describe(policy, receiveIdentity, Unmanaged.passUnretained(received).toOpaque(), error)
    }
    guard let stated = received.stated else { throw Failure("policy \(type.name): it handed over no identity") }
    let identity: PolicyIdentity
    do {
      identity = try stated.get()
    } catch {
      throw Failure("policy \(type.name): its identity: \(error)")
    }
    return identity.facts.isEmpty && identity.digest == nil ? nil : identity
  }
}

/// Takes an identity during the plugin's call, which owns it.
private final class IdentityReceiver {
  var stated: Result<PolicyIdentity, any Error>?
}

private func receiveIdentity(
  _ context: UnsafeMutableRawPointer?, _ facts: UnsafePointer<losskit_fact>?, _ count: Int,
  _ digest: UnsafePointer<losskit_text>?
) {
  guard let context else { return }
  let receiver = Unmanaged<IdentityReceiver>.fromOpaque(context).takeUnretainedValue()
  receiver.stated = Result { try PolicyIdentity(facts, count: count, digest: digest?.pointee) }
}

extension PolicyIdentity {
  fileprivate init(_ facts: UnsafePointer<losskit_fact>?, count: Int, digest: losskit_text?) throws {
    guard (0...256).contains(count), count == 0 || facts != nil else {
      throw Failure("it claims \(UInt(bitPattern: count)) facts; 256 are the limit")
    }
    self.init(facts: [], digest: try digest.map { try text($0, "digest", limit: 1024) })
    guard self.digest != "" else { throw Failure("the digest is empty; if it is unknown, set it to NULL") }
    for index in 0..<count {
      guard let fact = facts?[index] else { continue }
      let name = try text(fact.name, "name of fact \(index)", limit: NameRule.longest)
      guard NameRule.isFieldName(name) else {
        throw Failure("'\(name)' is not a name of a fact; \(NameRule.fieldRule)")
      }
      guard !self.facts.contains(where: { $0.name == name }) else { throw Failure("fact '\(name)' is stated twice") }
      self.facts.append(Fact(name, try text(fact.value, "fact '\(name)'", limit: 1 << 16)))
    }
  }
}

private func text(_ text: losskit_text, _ subject: String, limit: Int) throws -> String {
  guard text.length <= limit, text.length == 0 || text.bytes != nil else {
    throw Failure("the \(subject) is \(UInt(bitPattern: text.length)) bytes long; \(limit) are the limit")
  }
  guard let text = String(validating: text) else { throw Failure("the \(subject) is not UTF-8") }
  return text
}
