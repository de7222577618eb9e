import LossKit

/// KTO's shortcut for pairs: the anchor of each response is the mean reward of the other responses. Ethayarajh et al., arXiv:2402.01306.
struct KTOPair: PairwiseLoss {
  static let name = "kto-pair"
  static let summary = "KTO's shortcut for pairs: chosen rewards against the batch's rejected ones, and the reverse."
  static let citation = "Ethayarajh et al., KTO, ICML 2024, arXiv:2402.01306; the paired form of TRL up to 0.9"
  static let documentation = """
    [σ(−β (r_w − z_l)) + σ(β (r_l − z_w))]/2 with z_l = max(0, mean of the batch's rejected rewards) and z_w that of \
    the chosen ones. Unlike in `kto` the anchors are of the pairs themselves, not of mismatched responses, and \
    gradients flow through them. The half makes its mean over pairs a mean over responses.

    Published: β 0.1.

    Neighbors: `kto` is the method itself; with anchors of 0 it is half of `apo-zero`.

    Elsewhere: The kto_pair of older TRL, and of turbo-alignment.

    Verified against turbo-alignment, whose loss is that of older TRL.
    """
  static let hyperparameters = [
    Hyperparameter("beta", \Self.beta, in: .positive, "KL strength").scalingRewards()
  ]

  var beta: Formula = 0.1

  func loss(_ pair: Pair) -> Formula {
    let chosenAnchor = relu(batchMean(pair.chosen.reward))
    let rejectedAnchor = relu(batchMean(pair.rejected.reward))
    return
      (sigmoid(-beta * (pair.chosen.reward - rejectedAnchor)) + sigmoid(beta * (pair.rejected.reward - chosenAnchor)))
      / 2
  }
}

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(KTOPair.self, error: error)
}
