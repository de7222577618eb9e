import LossKit
import LossKitJSON
import LossKitRuntime

/// The state a run needs to resume, besides the policy: the file `trainer.json` of a checkpoint.
///
/// The order of the data and the seeds of the steps follow from the run's seed and the step, so no random state is kept.
struct TrainerState: Equatable {
  /// The number of updates made.
  var step = 0
  /// The objective's state.
  var objectiveState: [Double]
  /// The metrics of the steps since the last logged line.
  var window = MetricsAverage()
  /// The length of `metrics.jsonl`, in bytes.
  var metricsLength = 0
  /// The digest of the policy's identity; nil if it declares none.
  var policyDigest: String?

  /// Its file name in a checkpoint.
  static let fileName = "trainer.json"

  /// The state as JSON. Numbers are written as the 16 hexadecimal digits of their bits, so every double is restored exactly.
  var json: JSONValue {
    .object([
      ("format", .string(Self.format)),
      ("step", .number(step)),
      ("metrics_length", .number(metricsLength)),
      ("objective_state", .array(objectiveState.map(Self.bits))),
      ("window_names", .array(window.sums.map { .string($0.name) })),
      ("window_sums", .array(window.sums.map { Self.bits($0.sum) })),
      ("window_weights", .array(window.sums.map { Self.bits($0.weight) })),
      ("policy_digest", policyDigest.map { .string($0) } ?? .null),
    ])
  }

  /// Reads a state written as `json`; throws if the file is not one.
  init(path: String) throws {
    let damaged = Failure("\(Self.fileName) is damaged")
    guard let members = try JSONValue(ofFile: path)?.object,
      members["format"] == .string(Self.format),
      let step = members["step"]?.integer, step >= 0,
      let length = members["metrics_length"]?.integer, length >= 0,
      let state = Self.doubles(members["objective_state"]),
      let names = members["window_names"]?.array,
      let sums = Self.doubles(members["window_sums"]), sums.count == names.count,
      let weights = Self.doubles(members["window_weights"]), weights.count == names.count
    else { throw damaged }
    self.step = step
    metricsLength = length
    objectiveState = state
    if let digest = members["policy_digest"]?.string { policyDigest = digest }
    for (place, name) in names.enumerated() {
      guard let name = name.string else { throw damaged }
      window.sums.append(MetricsAverage.Sum(name: name, sum: sums[place], weight: weights[place]))
    }
  }

  /// The state before the first step.
  init(objectiveState: [Double]) {
    self.objectiveState = objectiveState
  }

  private static let format = "losskit-trainer/1"

  private static func bits(_ value: Double) -> JSONValue { .string(String(value.bitPattern, radix: 16)) }

  private static func double(_ value: JSONValue?) -> Double? {
    guard let text = value?.string else { return nil }
    return UInt64(text, radix: 16).map { Double(bitPattern: $0) }
  }

  private static func doubles(_ value: JSONValue?) -> [Double]? {
    guard let elements = value?.array else { return nil }
    let values = elements.compactMap(double)
    return values.count == elements.count ? values : nil
  }
}
