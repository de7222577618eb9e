import LossKit

/// MRPO's reference: two references, clipped to each other and mixed. Le et al., arXiv:2405.16388, as the authors' code has it.
struct MultiReference: RewardParameterization {
  static let name = "multi-reference"
  static let hyperparameters = [
    Hyperparameter("eta", \Self.eta, in: .any, "clipping range; negative: fixed"),
    Hyperparameter("alpha", \Self.alpha, in: .any, "weight of the first reference; negative: adaptive"),
  ]
  var eta: Formula = 0.1
  var alpha: Formula = -1

  func reward(_ response: Response) -> Formula {
    let chosen = response.group[0]
    let rejected = response.group[1]
    let gap = [0, 1].map { abs(chosen.reference($0) - rejected.reference($0)) }
    let weight = select(-alpha, gap[0] / (gap[0] + gap[1] + 1e-6), alpha)
    func middle(_ response: Response) -> Formula { abs((response.reference(0) + response.reference(1)) / 2) }
    let range = select(-eta, -eta, eta * middle(response) / (middle(chosen) + middle(rejected)))
    let base = response.reference(1)
    let extra = minimum(maximum(response.reference(0), base * (1 + range)), base * (1 - range))
    return response.logProbability
      - (extra + base - logSumExp([log(weight) + extra, log(1 - weight) + base]))
  }
}

/// The mean of any number of references.
struct MeanReference: RewardParameterization {
  static let name = "mean-reference"

  func reward(_ response: Response) -> Formula {
    response.logProbability - response.references.sum { $0 } / Formula(response.referenceCount)
  }
}
