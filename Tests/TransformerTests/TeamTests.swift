import LossKit
import LossKitHead
import LossKitLogits
import Testing

@testable import Transformer

/// The work of several threads between products gives the same as one thread.
struct TeamTests {
  @Test(arguments: [0, 1, 5, 6, 1000]) func everyPieceIsDoneOnce(count: Int) throws {
    try MatrixProducts.withThreads(3) {
      let done = try FloatBuffer(count: max(1, count))
      let members = Team.run(count, fewest: 2) { member, range in
        #expect(member >= 0 && member < Team.size)
        for index in range { done.pointer[index] += 1 }
      }
      #expect((0..<count).allSatisfy { done.pointer[$0] == 1 })
      #expect(members >= 1 && members <= 3 && (members == 1 || count >= 4))
    }
  }

  @Test func theFirstFailureIsThrown() {
    let failure = #expect(throws: Failure.self) {
      try MatrixProducts.withThreads(3) {
        try Team.run(9, fewest: 1, throwing: { _, range in throw Failure("\(range.lowerBound)") })
      }
    }
    #expect(failure?.message == "0")
  }

  @Test(arguments: [false, true]) func aPassIsThatOfOneThread(isRounded: Bool) throws {
    let architecture = TransformerOptions.small(hidden: 64, layers: 2, intermediate: 96).architecture
    let model = try LlamaModel(architecture, isRounded: isRounded)
    Initialization.fill(model, range: 0.1, seed: 4)
    model.roundWeights()
    let batch = try Texts((0..<24).map { ("\($0) " + eightPairs[$0 % 8].0, eightPairs[$0 % 8].1) }).tokens(context: 400)
    #expect(batch.inputs.count > 2 * RowKernels.fewestRows(width: 64))
    model.prepare(positions: batch.longest)
    let runs = try [1, 3].map { threads in
      try MatrixProducts.withThreads(threads) {
        let activations = try Activations(architecture, isKept: true), workspace = try Workspace(model)
        let gradient = try FloatBuffer(count: model.layout.count)
        try model.forward(batch, activations, workspace)
        try model.backward(
          batch, activations, workspace,
          cotangent: HeadCotangent(targets: batch.targets.indices.map { [1, -0.5, 0.25][$0 % 3] }), into: gradient)
        return (activations.logProbabilities, gradient)
      }
    }
    #expect(zip(runs[0].0, runs[1].0).allSatisfy { abs($0 - $1) < (isRounded ? 2e-3 : 2e-6) * max(1, abs($0)) })
    for tensor in model.layout.tensors {
      let range = tensor.offset..<tensor.offset + tensor.count
      let one = runs[0].1.pointer, three = runs[1].1.pointer
      let length = range.reduce(Float(0)) { $0 + one[$1] * one[$1] }.squareRoot()
      let bound: Float = isRounded ? 2e-3 : 1e-5
      #expect(range.allSatisfy { abs(one[$0] - three[$0]) < bound * length }, "\(tensor.name)")
    }
  }
}
