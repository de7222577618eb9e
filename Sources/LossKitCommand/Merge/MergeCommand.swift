import ArgumentParser
import LossKit
import LossKitRuntime
import LossKitSystem
import LossKitTraining

/// `losskit merge`: an adapter and its base as one model.
struct MergeCommand: ParsableCommand {
  /// The option by which a policy reads an adapter as one model with its base.
  private static let option = "lora_merge"

  static let configuration = CommandConfiguration(
    commandName: "merge",
    abstract: "Writes an adapter and its base model as one model.",
    discussion: """
      ADAPTER is a directory that 'losskit train' wrote with lora_rank, or PEFT. Its adapter_config.json names the base model's \
      directory. OUTPUT, which must not exist, gets the whole model in float32, which opens without the adapter and the base.

      EXAMPLES
        losskit train --loss dpo --init base --policy-set lora_rank=16 --data pairs.jsonl --output run
        losskit merge run/model --output merged
      """)

  @Argument(help: "The adapter.")
  var adapter: String

  @Option(help: ArgumentHelp("The directory for the model.", valueName: "directory"))
  var output: String

  @Option(help: ArgumentHelp("The policy by name.", valueName: "name"))
  var policy = RunKey.policy.defaultText

  @OptionGroup var plugins: PluginOptions

  func run() throws {
    guard !Files.exists(output) else {
      throw CommandFailure(status: .usage, message: "\(output) exists; name another directory with --output")
    }
    let registry = try plugins.registry()
    let type = try blaming(.unavailable) { try registry.policyType(named: policy) }
    guard type.parameters.contains(where: { $0.name == Self.option }) else {
      throw CommandFailure(
        status: .usage, message: "the policy \(policy) has no adapters: it lacks the option \(Self.option)")
    }
    let model = try blaming(.data) { try type.load(path: adapter, options: [Self.option: 1]) }
    // The directory has its name when it is whole.
    let partial = output + ".partial"
    Files.remove(partial)
    do {
      try Files.makeDirectory(partial)
      try model.save(to: partial, withOptimizer: false)
      try Files.synchronize(partial, recursively: true)
      try Files.move(partial, to: output)
    } catch {
      Files.remove(partial)
      throw error
    }
  }
}
