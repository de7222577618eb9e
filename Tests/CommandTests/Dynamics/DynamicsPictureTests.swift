import Foundation
import FoundationXML
import LossKit
import LossKitRuntime
import LossKitTraining
import Testing

@Suite struct DynamicsPictureTests {
  private func picture(_ text: String) throws -> DynamicsPicture {
    let registry = PluginRegistry(searchPath: try PluginSearchPath([try Tool.directory()]))
    return try DynamicsPicture(of: Objective(text, in: registry), title: text)
  }

  /// All names in the build, so that new losses and objectives are tested.
  static func names() throws -> [String] {
    let listing = PluginRegistry(searchPath: try PluginSearchPath([try Tool.directory()])).listing
    return listing.entries.filter { $0.kind == .loss || $0.kind == .objective }.map(\.name)
  }

  @Test(arguments: try names())
  func everyMethodIsDrawnOrRefusedWithAReason(_ name: String) throws {
    do {
      let svg = try picture(name).svg
      #expect(XMLParser(data: Data(svg.utf8)).parse())
      #expect(!svg.contains("NaN") && !svg.contains("–"))
      #expect(svg.contains("class=\"arrow") || svg.contains("class=\"line c0\""))
    } catch let failure as Failure {
      #expect(failure.message.contains("cannot be plotted: ") && failure.message.contains("; see "))
    }
  }

  @Test func whatKeepsTheChosenRewardFromFallingIsSaid() throws {
    let margin = try picture("dpo")
    #expect(margin.readingAid.contains("nothing in the loss keeps the chosen one from falling"))
    #expect(margin.svg.contains("both fall, the loss stays") && !margin.svg.contains("class=\"down\""))
    let absolute = try picture("cal-dpo(beta=0.05)")
    #expect(absolute.readingAid.contains("comes to rest at the marked point: chosen 10, rejected −10 nats"))
    #expect(absolute.svg.contains("class=\"down\"") && absolute.svg.contains("class=\"fixed\""))
    #expect(!absolute.svg.contains("both fall"))
  }

  @Test func linesAndAreasWithoutForceAreMarked() throws {
    for text in ["ipo", "dpo(beta=0.5, label_smoothing=0.2)"] {
      let svg = try picture(text).svg
      #expect(svg.contains("class=\"stillline\""), "\(text)")
    }
    let hinge = try picture("hinge").svg
    #expect(hinge.contains(">no force<") && !hinge.contains("class=\"stillline\""))
    let dpo = try picture("dpo").svg
    #expect(!dpo.contains("no force"))
  }

  @Test func theCommandWritesAPictureOfAnyObjective() throws {
    let place = try Workplace()
    let run = try Tool.run(["describe", "dpo @ forward-kl", "--plot", place.path("plot.svg")])
    #expect(run.status == 0 && run.output.contains("forward-kl") && run.error.contains("the dynamics are in "))
    let written = try place.text("plot.svg")
    #expect(written.hasPrefix("<svg "))
    let standard = try Tool.run(["describe", "dpo", "--plot", "-"])
    let expected = try picture("dpo").svg
    #expect(standard.status == 0 && standard.output == expected)
  }

  @Test(arguments: [
    ("dr-dpo", 64, "depends on the other pairs"), ("log-ratio", 64, "such as 'dpo @ log-ratio'"),
    ("transformer", 64, "is not a loss"), ("cal-dop", 69, "did you mean 'cal-dpo'"),
    ("dpo +", 64, "expected a loss or a weight"),
  ])
  func whatCannotBeDrawnIsRefused(_ name: String, _ status: Int32, _ reason: String) throws {
    let place = try Workplace()
    let run = try Tool.run(["describe", name, "--plot", place.path("plot.svg")])
    #expect(run.status == status && run.output == "" && run.error.contains(reason), "\(run.error)")
    #expect(!place.exists("plot.svg"))
  }
}
