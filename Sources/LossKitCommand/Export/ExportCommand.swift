import ArgumentParser
import LossKit
import LossKitRuntime

/// `losskit export`: an objective in a form for other software.
struct ExportCommand: ParsableCommand {
  /// The output format.
  enum Format: ExpressibleByArgument {
    /// Inputs with the expected losses and gradients.
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
      FORMAT 'vectors' writes test vectors: inputs with the expected losses and gradients, so that any \
      implementation can be checked against LossKit. It is one JSON object; numbers read back as the same doubles:

        format, version       "losskit vectors" and the version of this layout, 1
        objective, hash       the resolved objective, and the SHA-256 of all that determines its results
        terms, reward         name, version, weight (terms only) and hyperparameters of each loss, and of the reward or null
        columns               name, per (prompt, response or token), differentiable, per_reference, unit and meaning
        rowwise               whether a prompt's loss depends on that prompt alone
        cases                 the test cases, each one batch:
          name, about         what is tested
          prompts, responses, references   the numbers G, K and R
          counts              the number of responses of each prompt; null: K each
          token_offsets       the start of each response's tokens, K·G + 1 numbers; null: no column is per token
          state               the numbers that the loss keeps between steps, before the batch; [] if it keeps none
          inputs              the columns by name: prompt g has [g], response k of prompt g and reference r has
                              [(r·K + k)·G + g], its token t [r·T + token_offsets[k·G + g] + t] of T tokens in all
          loss                the loss of each prompt, [G]
          reward              the unscaled reward of each response, [k·G + g]; [] without a reward
          gradients           the derivatives of the sum of all losses, in the layout of the inputs
          state_after         the state after the batch
          refused             instead of loss to state_after, if the result is not a finite double: the reason

      The other formats are the loss and its gradient with respect to every differentiable column. Hyperparameters are arguments \
      with their values as defaults; the reward parameterization is included: 'python' (NumPy alone), 'torch' (an autograd \
      function, for any device and torch.compile), 'jax' (for jit and grad), 'c' (one C11 function), 'latex' (the formulas), \
      and 'json' (the nodes of value and derivatives, for a program that builds the function). They take rankings of one \
      length, by default two responses, and are generated from formulas: a plugin that exports no formula is an error.

      Entries of responses beyond a prompt's count are 0 and meaningless. Log-probabilities are in nats, lengths in \
      tokens. At a kink the gradient is the slope that LossKit documents, such as 0 for max(0, x) at 0.

      EXAMPLES
        losskit export dpo --format vectors
        losskit export 'cal-dpo(beta=0.01) + 0.2*sft' --format vectors --output cal-dpo.json
        losskit export cal-dpo --format torch --output cal_dpo.py
        losskit export '@ log-ratio' --component --format c
      """)

  @Argument(help: "A loss or objective by name, or an objective such as 'dpo(beta=0.1) + 0.2*sft @ log-ratio'.")
  var objective: String

  @Option(help: "The format: \(Format.names.joined(separator: ", ")).")
  var format: Format

  @Option(help: "The number of responses of a prompt, if the objective takes several. (default: 2)")
  var responses: Int?

  @Option(help: "The number of references, if the objective takes several.")
  var references: Int?

  @Flag(help: "Write a component alone: the loss over the column 'reward', or the reward after '@'.")
  var component = false

  @Option(help: ArgumentHelp("The file to write; '-' is standard output.", valueName: "file"))
  var output = "-"

  @Option(help: ArgumentHelp("The reward parameterization, if the objective names none.", valueName: "name"))
  var reward: String?

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp("The value of a hyperparameter; may be repeated.", valueName: "name=value"))
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

  /// The one component that the argument names: a loss, or a reward after '@'.
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
