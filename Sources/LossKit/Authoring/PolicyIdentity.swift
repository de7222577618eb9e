/// The identity of a policy instance: everything that determines its numbers.
public struct PolicyIdentity: Sendable, Equatable {
  /// A property that affects numbers: an option, a precision, the digest of a base model.
  public struct Fact: Sendable, Equatable {
    /// The name: lower-case letters, digits and `_`.
    public var name: String
    /// The value in use, whether set or default.
    public var value: String

    /// Creates a fact.
    public init(_ name: String, _ value: String) {
      self.name = name
      self.value = value
    }
  }

  /// Everything except the weights that affects numbers, including in training; names are distinct.
  ///
  /// Excluded is what affects no number, such as a time limit or a path, or only the order of sums, such as the number of threads. A run
  /// resumes only with equal facts.
  public var facts: [Fact]

  /// Equal for two instances only if both give equal columns for equal texts; nil if the instance cannot tell.
  ///
  /// It is a function of the weights and of the facts that columns depend on, alone: a copy has the same digest, and so does an instance
  /// loaded after `save`. A step that moves weights changes it; a change of optimizer state alone does not. 1 to 1024 bytes.
  public var digest: String?

  /// Creates an identity.
  public init(facts: [Fact], digest: String?) {
    self.facts = facts
    self.digest = digest
  }
}
