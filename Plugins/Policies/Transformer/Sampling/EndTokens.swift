import LossKit
import LossKitJSON

/// The tokens that end a response: those of `config.json`, of `generation_config.json`, and the tokenizer's end token.
struct EndTokens {
  let all: Set<Int32>

  init(_ configuration: ModelConfiguration, _ files: CompanionFiles, _ encoding: any TextEncoding) throws {
    var tokens = configuration.endTokens
    if let bytes = files[CompanionFiles.generationName] {
      tokens += try JSONObject.read(bytes, place: "transformer: \(CompanionFiles.generationName)") {
        try ModelConfiguration.endTokens(ConfigurationKeys($0))
      }
    }
    all = Set(tokens.compactMap { Int32(exactly: $0) } + (encoding.endToken.map { [$0] } ?? []))
  }
}
