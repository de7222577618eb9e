/// What an instance of a policy is: all that decides its numbers.
public struct PolicyIdentity: Sendable, Equatable {
  /// Something that decides numbers: an option, a precision, the digest of a base model.
  public struct Fact: Sendable, Equatable {
    /// The name: lower-case letters, digits and `_`.
    public var name: String
    /// The value in use, whether it was given or not.
    public var value: String

    /// A fact.
    public init(_ name: String, _ value: String) {
      self.name = name
      self.value = value
    }
  }

  /// All that decides numbers, in training too, except the weights; names are distinct.
  ///
  /// What decides no number, such as a time limit or a path, or the order of sums alone, such as a number of threads, is not among
  /// them. A run is resumed with equal facts only.
  public var facts: [Fact]

  /// Equal for two instances only where both give equal columns for equal texts; nil where the instance cannot tell.
  ///
  /// It covers the weights, and those facts that columns depend on, and is a function of these alone: a copy has it too, and so has
  /// what is loaded after `save`. A step that moves weights changes it, what only the optimizer keeps does not. 1 to 1024 bytes.
  public var digest: String?

  /// An identity.
  public init(facts: [Fact], digest: String?) {
    self.facts = facts
    self.digest = digest
  }
}
