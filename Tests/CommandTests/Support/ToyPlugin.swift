/// C for a library that offers the loss `toy` and the objective `toy-pair`, without a formula.
enum ToyPlugin {
  static let source = entry(body: "return &plugin;")

  /// The same with another entry function.
  static func entry(body: String) -> String {
    """
    static int32_t compute(const losskit_component *self, const losskit_frame *frame, losskit_error *error) {
      (void)self; (void)error;
      for (size_t g = 0; g < frame->prompts; g++) {
        const double difference = frame->inputs[0][g] - frame->inputs[0][frame->prompts + g];
        frame->output[g] = frame->parameters[0] * difference * difference;
        if (!frame->cotangent || !frame->gradients[0]) continue;
        const double slope = 2 * frame->parameters[0] * difference * frame->cotangent[g];
        frame->gradients[0][g] = slope;
        frame->gradients[0][frame->prompts + g] = -slope;
      }
      return 0;
    }
    static const losskit_parameter beta = {
      "beta", "\\\\beta", "strength", LOSSKIT_REAL, LOSSKIT_LOWER_OPEN | LOSSKIT_REWARD_SCALE, 0.5, 0, INFINITY, 0 };
    static const losskit_parameter *const parameters[] = { &beta };
    static const losskit_column reward = {
      "reward", "the implicit reward", LOSSKIT_PER_RESPONSE, LOSSKIT_DIFFERENTIABLE };
    static const losskit_column *const inputs[] = { &reward };
    static const losskit_component toy = {
      LOSSKIT_LOSS, LOSSKIT_ROWWISE | LOSSKIT_SHIFT_INVARIANT, 2, 2, 0, 1, "toy", "1.2.3", "A toy.", "Nobody, 2024",
      "First line.\\nSecond line.", "log-ratio", 1, 1, 0, parameters, inputs, 0, 0, compute, 0 };
    static const losskit_component *const components[] = { &toy };
    static const losskit_objective pair = {
      "toy-pair", "2", "Two toys.", "Nobody, 2025", 0, "toy(beta=0.25) + 0.5*dpo" };
    static const losskit_objective *const objectives[] = { &pair };
    static const losskit_plugin plugin = { 1, 0, 1, components, 0, objectives, 0 };
    const losskit_plugin *losskit_plugin_entry_v1(const losskit_host *host, losskit_error *error) {
      (void)host; (void)error;
      \(body)
    }
    """
  }
}
