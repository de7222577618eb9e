import CLossKit
import LossKit

/// The implicit reward as a column of its own: what stands in for an objective's parameterization where rewards are given.
struct GivenReward: RewardParameterization {
  static let name = "given-reward"
  static let summary = "The implicit reward as it is given."
  static let column = Column("implicit_reward", differentiable: true)

  func reward(_ response: Response) -> Formula { response[Self.column] }

  /// The component, made once.
  static let component = Result<LoadedComponent, any Error> {
    let plugin = Plugin.export(GivenReward.self, error: nil)?.assumingMemoryBound(to: losskit_plugin.self)
    guard let descriptor = plugin?.pointee.components[0] else { throw Failure("\(name): it cannot be made") }
    return try LoadedComponent(descriptor, library: LoadedComponent.runningProgram)
  }
}
