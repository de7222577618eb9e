import LossKit
import LossKitJSON
import LossKitSystem

@testable import LossKitCommand
@testable import LossKitRuntime
@testable import LossKitTraining
@testable import Transformer

extension FuzzTarget {
  /// Preference data in every form, and its columns.
  static let rows = FuzzTarget(name: "rows") { bytes in
    let data = try PreferenceDataset.read(bytes, name: "rows")
    for column in [Column.score, .label, .logProbability, .referenceLogProbability, .tokenLogProbability] {
      _ = try? data.given(column)
    }
    if data.kind == .pairs { _ = data.unpaired }
  }

  /// The input of `losskit evaluate`, with its results.
  static let evaluation = FuzzTarget(name: "evaluation") { bytes in
    let path = try FuzzFiles.shared.write(bytes, to: "rows.jsonl")
    for objective in evaluated {
      guard var rows = try? InputRows(path: path, for: objective) else { continue }
      var sums = PreferenceMetrics.Sums()
      while let table = try? rows.next() {
        var state = objective.initialState
        guard let evaluation = try? objective.evaluate(table.batch, state: &state, gradients: true) else { break }
        try? sums.add(table.batch, evaluation)
        try table.writeResults(evaluation) { _ in }
      }
      _ = try? sums.metrics(rewardScale: objective.rewardScale)
    }
  }

  /// A pair, a single response and a ranking, over rewards of responses and of tokens.
  private static let evaluated: [Objective] = {
    let registry = PluginRegistry()
    return [
      "{-logsigmoid(chosen.reward - rejected.reward)} @ {response.policy_logp - response.reference_logp}",
      "{(1 - 2*response.label)*logsigmoid(response.reward)} @ {token.policy_token_logp - token.reference_token_logp}",
      "{responses[2].reward*responses[0].score - responses[1].reward} @ {response.policy_logp / response.token_count}",
    ].compactMap { try? Objective($0, in: registry) }
  }()

  /// A model: the first byte says which of its files has the rest as its content.
  static let model = FuzzTarget(name: "model") { bytes in
    let files = ["config.json", "model.safetensors", "optimizer.safetensors"]
    let directory = try soundModel.get()
    try FuzzFiles.shared.replacing(bytes, in: directory, files) {
      let model = try Transformer.load(path: directory, options: TransformerOptions(), given: [])
      _ = try model.identity()
    }
  }

  private static let soundModel = Result {
    let directory = FuzzFiles.shared.path("model")
    var options = TransformerOptions()
    options.architecture = Architecture(
      hiddenSize: 2, intermediateSize: 2, layerCount: 1, headCount: 1, keyValueHeadCount: 1, contextLength: 16,
      isTied: true)
    let model = try Transformer.create(options: options, seed: 1)
    try Files.makeDirectory(directory)
    try model.save(to: directory, withOptimizer: true)
    return directory
  }

  /// The directory of a run with a checkpoint: the first byte says which of its files has the rest as its content.
  static let checkpoint = FuzzTarget(name: "checkpoint") { bytes in
    let files = [
      "run.json", "checkpoint-7/\(CheckpointManifest.name)", "checkpoint-7/\(TrainerState.fileName)",
      "checkpoint-7/weights",
    ]
    let directory = try soundRun.get()
    try FuzzFiles.shared.replacing(bytes, in: directory, files) {
      let run = try RunDirectory(directory, for: .resumption)
      let store = CheckpointStore(directory: run)
      let newest = try store.newest()
      require(newest.checkpoint != nil || !newest.damages.isEmpty, "a checkpoint is neither whole nor damaged")
      _ = try? TrainerState(path: store.path(ofStep: 7) + "/" + TrainerState.fileName)
      _ = try RunRecord(of: run)
    }
  }

  private static let soundRun = Result {
    let run = try RunDirectory(FuzzFiles.shared.path("run"), for: .newRun)
    try RunRecord(facts: [.init(name: "total_steps", value: "9")]).write(to: run)
    try CheckpointStore(directory: run).write(step: 7, keeping: 0) { path in
      var state = TrainerState(objectiveState: [0.5, .infinity])
      state.step = 7
      try Files.write(Array(state.json.compact.utf8), to: "\(path)/\(TrainerState.fileName)")
      try Files.write([1, 2, 3], to: "\(path)/weights")
    }
    return run.path
  }

  /// The headers of a shared library.
  static let library = FuzzTarget(name: "library") { bytes in
    #if os(Linux)
      let path = try FuzzFiles.shared.write(bytes, to: "libinput.so")
      let file = try LibraryFile(path: path)
      let symbols = try ELFLibrary(file).symbols
      _ = symbols.functions
      _ = symbols.namesBesideInlineFunctions
      try checkELF(file)
    #endif
  }
}
