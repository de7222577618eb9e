import LossKit
import LossKitRuntime

extension MeasuredData {
  /// For each example of a batch, the one whose responses it is paired with where an objective asks for responses to other prompts.
  ///
  /// It is the example before, the last one for the first, as in TRL and HALOs; one that has the same prompt is passed over.
  /// It depends on the batch alone, so that a run that resumes and one with other calls pair alike. Throws where a batch has one
  /// prompt alone.
  func partners(of examples: [Int]) throws -> [Int] {
    let count = examples.count
    return try examples.indices.map { place in
      let prompt = dataset.examples[examples[place]].prompt
      let candidates = (1..<max(1, count)).lazy.map { examples[(place + count - $0) % count] }
      guard let partner = candidates.first(where: { self.dataset.examples[$0].prompt != prompt }) else {
        throw Failure(
          """
          \(dataset.source): the objective takes for each prompt a response to another prompt of the batch, and all \(count) of \
          this batch have one prompt; raise per_device_train_batch_size or gradient_accumulation_steps
          """)
      }
      return partner
    }
  }
}
