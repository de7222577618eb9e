import ArgumentParser
import LossKit
import LossKitRuntime

/// `losskit export`: an objective in a form that others can use.
struct ExportCommand: ParsableCommand {
  /// What is written.
  enum Format: ExpressibleByArgument {
    /// Inputs with the losses and gradients they have to give.
    case vectors
    /// The function itself.
    case function(ExportFormat)

    static let names = ["vectors"] + ExportFormat.allCases.map(\.rawValue)

    init?(argument: String) {
      if argument == "vectors" {
        self = .vectors
      } else if let format = ExportFormat(rawValue: argument) {
        self = .function(format)
      } else {
        return nil
      }
    }

    static var allValueStrings: [String] { names }
    var defaultValueDescription: String { "" }
  }

  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Writes a loss in a form that other software can use.",
    discussion: """
      FORMAT 'vectors' writes test vectors: inputs, and the losses and gradients that they have to give, so that any \
      implementation can check itself against LossKit. It is one JSON object; numbers read back as the same doubles:

        format, version       "losskit vectors" and the version of this layout, 1
        objective, hash       the resolved objective, and the SHA-256 of all that decides what it computes
        terms, reward         name, version, weight (terms only) and hyperparameters of each loss, and of the reward or null
        columns               name, per (prompt, response or token), differentiable, per_reference, unit and meaning
        rowwise               whether a prompt's loss depends on that prompt alone
        cases                 the test cases, each one batch:
          name, about         what is tested
          prompts, responses, references   the numbers G, K and R
          counts              how many responses each prompt has; null: K each
          token_offsets       where the tokens of each response start, K·G + 1 numbers; null: no column is per token
          state               what the loss carries from step to step, before the batch; [] where it carries nothing
          inputs              the columns by name: prompt g has [g], response k of prompt g and reference r has
                              [(r·K + k)·G + g], its token t [r·T + token_offsets[k·G + g] + t] of T tokens in all
          loss                the loss of each prompt, [G]
          reward              the unscaled reward of each response, [k·G + g]; [] where there is none
          gradients           the derivatives of the sum of all losses, laid out as the inputs
          state_after         the state after the batch
          refused             instead of loss to state_after: no double holds the result; with the reason

      The other formats are the loss itself and its gradient by every differentiable column, the hyperparameters arguments \
      with their values as defaults, the reward parameterization within: 'python' (NumPy alone), 'torch' (an autograd \
      function, for any device and torch.compile), 'jax' (for jit and grad), 'c' (one C11 function), 'latex' (the formulas), \
      and 'json' (the nodes of value and derivatives, for a program that builds the function). They are for rankings of one \
      length, two responses unless told otherwise, and are written from formulas: a plugin that exports none is refused.

      Entries of responses beyond a prompt's count are 0 and have no meaning. Log-probabilities are in nats, lengths in \
      tokens. At a kink the gradient is the slope that LossKit states for it, such as 0 for max(0, x) at 0.

      EXAMPLES
        losskit export dpo --format vectors
        losskit export 'cal-dpo(beta=0.01) + 0.2*sft' --format vectors --output cal-dpo.json
        losskit export cal-dpo --format torch --output cal_dpo.py
        losskit export '@ log-ratio' --component --format c
      """)

  @Argument(help: "A loss or objective by name, or an objective such as 'dpo(beta=0.1) + 0.2*sft @ log-ratio'.")
  var objective: String

  @Option(help: "What is written: \(Format.names.joined(separator: ", ")).")
  var format: Format

  @Option(help: "Of how many responses a prompt has, where the objective takes several numbers. (default: 2)")
  var responses: Int?

  @Option(help: "Of how many references, where the objective takes several numbers.")
  var references: Int?

  @Flag(help: "Write a component alone: the loss over the column 'reward', or the reward behind an '@'.")
  var component = false

  @Option(help: ArgumentHelp("Where it goes; '-' is standard output.", valueName: "file"))
  var output = "-"

  @Option(help: ArgumentHelp("The reward parameterization, where the objective names none.", valueName: "name"))
  var reward: String?

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp("The value of a hyperparameter; may be given several times.", valueName: "name=value"))
  var settings: [String] = []

  @OptionGroup var plugins: PluginOptions

  func run() throws {
    let registry = try plugins.registry()
    switch format {
    case .vectors:
      let resolved = try resolvedObjective(objective, reward: reward, settings: settings, in: registry)
      try Console.write(TestVectors(resolved).json.text + "\n", to: output)
    case .function(let format):
      let text =
        component
        ? try componentText(format, in: registry)
        : try blaming(.usage) {
          try resolvedObjective(objective, reward: reward, settings: settings, in: registry)
            .exported(as: format, responses: responses, references: references)
        }
      try Console.write(text + "\n", to: output)
    }
  }

  /// The one component that the argument names: its loss, or behind an '@' its reward.
  private func componentText(_ format: ExportFormat, in registry: PluginRegistry) throws -> String {
    let isReward = objective.first { !$0.isWhitespace } == "@"
    let text = isReward ? String(objective.drop { $0.isWhitespace }.dropFirst()) : objective
    let part = try resolvedComponent(text, isReward ? .reward : .loss, settings: settings, in: registry)
    return try blaming(.usage) {
      try part.component.exported(
        as: format, values: part.values, responses: responses, references: references)
    }
  }
}
