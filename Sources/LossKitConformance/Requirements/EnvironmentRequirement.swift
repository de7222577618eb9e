import LossKit

extension ComponentRequirement {
  /// The component leaves the state of the process unchanged.
  static let environment = ComponentRequirement(
    name: "environment",
    summary:
      "it prints nothing and leaves arithmetic, locale, signals, timers, limits, directory, files and environment unchanged"
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
