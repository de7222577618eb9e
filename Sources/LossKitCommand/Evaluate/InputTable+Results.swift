import LossKit
import LossKitJSON
import LossKitRuntime
import LossKitTraining

extension InputTable {
  /// The results of each line, as JSON Lines.
  func results(_ evaluation: Evaluation) -> String {
    let gradients = keys.indices.filter { keys[$0].column.isDifferentiable }.map { place in
      let places = ColumnPlaces(keys[place].column, in: batch)
      let values = evaluation.gradients[keys[place].column.name] ?? [Double](repeating: 0, count: places.count)
      return (place: place, places: places, values: values)
    }
    var text = ""
    for (prompt, row) in rows.enumerated() {
      var members: [(String, JSONValue)] = [("loss", .number(evaluation.loss[prompt]))]
      if !evaluation.reward.isEmpty {
        let rewards = batch.withShape { shape in
          (0..<shape.responseCount(ofPrompt: prompt)).map { evaluation.reward[shape.row($0, ofPrompt: prompt)] }
        }
        members.append(("reward", .array(rewards.map(JSONValue.number))))
      }
      for (place, places, values) in gradients {
        let entries = places.entries(of: values, prompt: prompt, like: row[place].values)
        members += self.members(keys[place], entries, like: row[place])
      }
      text += JSONValue.object(members).compact + "\n"
    }
    return text
  }

  /// A prompt's gradient of a column, in the shape that the column has in the file.
  private func members(
    _ key: ColumnKeys, _ entries: [[[Double]]], like values: ColumnValues
  ) -> [(String, JSONValue)] {
    if key.isPair {
      let responses = entries[0].map { values -> JSONValue in
        key.column.extent == .token ? .array(values.map(JSONValue.number)) : .number(values[0])
      }
      return zip(key.names, responses).map { ("d_\($0)", $1) }
    }
    let references = entries.map { responses -> JSONValue in
      switch key.column.extent {
      case .prompt: .number(responses[0][0])
      case .response where values.isSingleNumber: .number(responses[0][0])
      case .response: .array(responses.map { .number($0[0]) })
      case .token: .array(responses.map { .array($0.map(JSONValue.number)) })
      }
    }
    return [("d_\(key.names[0])", values.hasReferences ? .array(references) : references[0])]
  }
}
