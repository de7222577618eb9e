import Logging
import LossKit
import LossKitRuntime
import LossKitSystem

/// The point at which a run resumes: its newest valid checkpoint, and the warnings and clean-up due before it continues.
struct Resumption {
  let checkpoint: CheckpointStore.Checkpoint
  private let damages: [(step: Int, problem: String)]
  private let store: CheckpointStore
  private let stored: RunRecord

  /// Finds the checkpoint to resume from. `record` describes the run as requested, `stored` as it was begun. Throws if no checkpoint is
  /// valid, if it is to have fewer steps than before, and `Trainer.Finished` if the run is finished and no steps are added.
  init(_ record: RunRecord, _ stored: RunRecord, in store: CheckpointStore) throws {
    let directory = store.directory
    let place = directory.path
    let (before, now) = (Self.totalSteps(stored), Self.totalSteps(record))
    guard now >= before else {
      throw Failure(
        "\(place): was to have \(counted(before, "step")), now \(now); a run may be resumed with more steps, not with fewer"
      )
    }
    if directory.isFinished, now == before {
      let model = directory.path(of: RunDirectory.modelName)
      do {
        try CheckpointManifest.check(model)
      } catch let failure as Failure {
        throw Failure(
          "\(model): cannot be used: \(failure.message); remove it, and resume again to have it made from the last checkpoint"
        )
      }
      throw Trainer.Finished(
        message: "\(place): the run is finished; its model is in \(model); set max_steps or num_train_epochs to "
          + "more than its \(counted(before, "step")) to go on")
    }
    let (newest, damages) = try store.newest()
    guard let newest else {
      let found = damages.map { "\n  \(store.path(ofStep: $0.step)): \($0.problem)" }.joined()
      guard found.isEmpty else { throw Failure("\(place): no checkpoint can be used; start a new run:\(found)") }
      throw Failure(
        directory.isFinished
          ? "\(place): the run is finished and has no checkpoint to go on from; start a new run with its model, "
            + "\(place)/\(RunDirectory.modelName)"
          : "\(place): the run stopped before its first checkpoint; remove the directory and start anew")
    }
    checkpoint = newest
    self.damages = damages
    self.store = store
    self.stored = stored
  }

  /// Sets aside damaged checkpoints and the model of a finished run, writes the record, and logs each change.
  func begin(_ record: RunRecord, logger: Logger) throws {
    let directory = store.directory
    for (step, problem) in damages {
      try store.putAside(step: step)
      logger.warning(
        "\(store.path(ofStep: step)): cannot be used: \(problem); it is now called checkpoint-\(step).damaged, and the run goes on from \(checkpoint.path)"
      )
    }
    if directory.isFinished {
      let name = "\(RunDirectory.modelName)-\(Self.totalSteps(stored))"
      Files.remove(directory.path(of: name))
      try Files.move(directory.path(of: RunDirectory.modelName), to: directory.path(of: name))
      logger.info("the run was finished; its model is kept as \(directory.path(of: name))")
    }
    let (continued, changes) = record.continuing(stored, from: checkpoint.state.step)
    try continued.write(to: directory)
    for change in changes { logger.info("resuming with \(change)") }
    logger.info("resuming", metadata: ["checkpoint": "\(checkpoint.path)", "step": "\(checkpoint.state.step)"])
  }

  private static func totalSteps(_ record: RunRecord) -> Int {
    record[TrainingPlan.totalStepsName].flatMap { Int($0) } ?? 0
  }
}
