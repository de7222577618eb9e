import ArgumentParser
import Logging
import LossKit
import LossKitRuntime
import LossKitSystem
import LossKitTraining

/// `losskit train`: one run.
struct TrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Trains a policy with an objective on preference data.",
    usage: "losskit train --loss <objective> --output <directory> [--data <file>] [<options>]",
    discussion: """
      DATA is JSON Lines or a JSON array, optionally compressed with gzip, of objects in one of these forms:
        {"prompt": …, "chosen": …, "rejected": …}      texts, or lists of messages
        {"chosen": …, "rejected": …}                   whole transcripts
        {"prompt": …, "responses": […], "scores": […]} rankings
        {"prompt": …, "completion": …, "label": true}  unpaired feedback; a pair counts as two such rows
      Messages are {"role": …, "content": …}, or ShareGPT's {"from": …, "value": …} with "conversations" for "prompt". A text \
      prompt before lists of messages that begin with the assistant's is the user's message.

      Further keys are the columns that objectives read: a number per prompt ("margin": 0.5), an array over the responses \
      ("score": [8, 3]) or a number for each response of a pair ("chosen_score": 8, "rejected_score": 3), and an array of arrays \
      for values over tokens; all rows need the same form. "ref_chosen_logps" and "ref_rejected_logps", or \
      "reference_logp", replace the reference model. Columns that the policy computes, such as \
      token_count, are not allowed.

      Without data, short reviews with a known reward are generated from the seed.

      The output directory gets metrics.jsonl, checkpoints, run.json with all that determines the run, and at the end the model. \
      Ctrl-C or SIGTERM stops after a step, with a checkpoint; the same command with --resume continues from there, with the same \
      bits as without the stop. Before the first step nothing is kept, and the same command starts again.

      An objective that reads responses to other prompts, such as kto, takes them from the same update, or, if that has only one \
      prompt, from the nearest row of the data with another.

      With --resume a run, even a finished one, may have more steps than before (--max-steps, --num-train-epochs), and log, \
      evaluate and save at other times. The learning rates of the remaining steps are then those of a run of the new \
      length: warm-up and decay are stretched to it, and steps already made keep theirs. Everything else must be \
      unchanged, including the libraries of losses, rewards and policies. A damaged or incomplete checkpoint is set aside with \
      a warning, and the previous one is used; losskit verify finds such checkpoints. run.json records the changes. A finished run \
      without more steps stays as it is: the exit status is 0.

      A recipe is a YAML file whose keys are the options below, with _ for -. In both, hyperparameters of the objective and options of \
      the policy may be written directly: '--beta 0.1' is '--set beta=0.1', 'hidden_size: 64' is \
      'policy_set: {hidden_size: 64}'.

      EXAMPLES
        losskit train --loss dpo --beta 0.1 --output runs/dpo
        losskit train --loss cal-dpo --data train.jsonl --eval-data test.jsonl \\
          --init base --learning-rate 1e-5 --output runs/cal-dpo
        losskit train --recipe recipe.yaml --resume

      \(RunHelp.text(.train))
      """)

  @Flag(help: "Continue the run in the output directory from its newest complete checkpoint.")
  var resume = false

  @OptionGroup var options: RunOptions

  func run() throws {
    StandardFiles.outliveReaders()
    ConsoleLog.install()
    let registry = try options.plugins.registry()
    let settings = try options.settings(.train, in: registry).settings
    let preparation = RunPreparation(settings: settings, registry: registry)
    let (loss, output) = try blaming(.usage) { (try settings.required(.loss), try settings.required(.output)) }
    let configuration = try preparation.configuration()
    let objective = try preparation.objective(loss, settings: settings.values(.set))
    let policyText = try preparation.policyText()
    let data = try preparation.data(seed: configuration.seed, for: [objective])
    var plan = TrainingPlan(
      objective: objective, configuration: configuration, trainingData: data.training,
      evaluationData: data.evaluation, policy: policyText)
    plan.start = settings.value(.start)
    plan.references = try preparation.referenceTexts()
    let progress = Progress()
    let trainer: Trainer
    do {
      trainer = try self.trainer(plan, preparation, output: output, progress: progress)
    } catch let stop as Interruption.Stop {
      throw CommandFailure(status: .stopped, message: "\(stop.message); the same command starts again")
    } catch let finished as Trainer.Finished {
      return Console.note(finished.message)
    }
    let remark = objective.hasNumericGradient ? ", numeric gradient" : ""
    Console.note("objective: \(objective.description)\(remark)")
    let outcome = try trainer.run(progress: progress, interruption: .onSignals())
    guard outcome.isFinished else {
      throw CommandFailure(
        status: .stopped,
        message: """
          stopped after step \(outcome.step) of \(outcome.totalSteps), with a checkpoint; the same command with --resume continues
          """)
    }
    try Console.show(summary(outcome, plan, output))
  }

  /// A new or resumed trainer. Incompatible settings are usage errors.
  ///
  /// A signal ends the process at once while a model loads: loading cannot be interrupted, and nothing is written yet.
  private func trainer(
    _ plan: TrainingPlan, _ preparation: RunPreparation, output: String, progress: Progress
  ) throws -> Trainer {
    let type = try preparation.policyType()
    let paths = preparation.settings.values(.reference)
    let referenceTypes = try paths.map { _ in try preparation.referenceType() }
    try blaming(.data) { try plan.checkData(policy: type) }
    try blaming(.usage) { try plan.check(policy: type, references: referenceTypes) }
    let directory = try RunDirectory(output, for: resume ? .resumption : .newRun)
    if resume {
      return try Trainer(
        resuming: plan, policy: type, options: preparation.policyOptions(), references: referenceTypes,
        referenceOptions: preparation.referenceOptions(), in: directory, progress: progress)
    }
    let policy = try preparation.policy(seed: plan.configuration.seed)
    let references = try preparation.references()
    return try Trainer(
      plan, policy: policy, references: references, in: directory,
      referenceCache: preparation.settings.value(.referenceCache), progress: progress, interruption: .onSignals())
  }

  private func summary(_ outcome: Trainer.Outcome, _ plan: TrainingPlan, _ output: String) -> String {
    var lines = [
      ["objective", plan.objective.description], ["hash", plan.objective.hash], ["steps", "\(outcome.step)"],
      ["seconds", roundTripDecimal((outcome.seconds * 10).rounded() / 10)], ["model", "\(output)/model"],
    ]
    if plan.objective.hasNumericGradient { lines.append(["gradient", "numeric gradient"]) }
    for metric in outcome.evaluation?.metrics ?? [] {
      lines.append([metric.name, roundTripDecimal(rounded(metric.value))])
    }
    return alignedLines(lines)
  }
}
