import LossKit

extension ComponentRequirement {
  /// What a host has to find as it was.
  static let environment = ComponentRequirement(
    name: "environment",
    summary:
      "it prints nothing and leaves arithmetic, locale, signals, timers, limits, directory, files and environment as they were"
  ) { subject in
    var calls = subject.calls
    for parameters in calls.parameterSets().prefix(8) {
      var call = calls.call(prompts: 9)
      call.parameters = parameters
      if let finding = try traces(of: { _ = try subject.run(call) }) { throw Failure(finding) }
    }
    return .met("")
  }
}
