import ArgumentParser
import LossKit
import LossKitRuntime
import LossKitSystem
import LossKitTraining

/// The command line of LossKit.
@main
struct LossKitCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "losskit",
    abstract: "Aligns language models with preference losses from plugins.",
    discussion: """
      Losses, reward parameterizations and policies are shared libraries, found by the names they declare: in the directories \
      of --plugin-path, then in those of \(PluginOptions.environmentVariable) (absolute paths, with ':' between them), then in \
      those installed with losskit. If two directories have the same name, the first takes precedence.

      An objective is a sum of losses over one reward: 'dpo', 'cal-dpo(beta=0.01)', 'dpo(beta=0.1) + 0.2*sft(per=token)', \
      'ipo @ mean-log-ratio'.

      EXAMPLES
        losskit list
        losskit describe cal-dpo
        losskit evaluate --loss 'dpo(beta=0.1)' --input rows.jsonl --output -
        losskit train --loss cal-dpo --set beta=0.01 --output runs/cal-dpo
        losskit compare dpo cal-dpo --output runs/comparison
        losskit generate --init runs/cal-dpo/model --data prompts.jsonl --output samples.jsonl
        losskit verify runs/cal-dpo
        losskit new my-loss --language swift
        losskit check libmyloss.so

      EXIT STATUS
        0   done
        1   something failed while running
        64  wrong usage, such as an unknown option or a value out of bounds
        65  data that cannot be used
        69  a plugin that cannot be found or used
        130 stopped by Ctrl-C; 143 by SIGTERM
      """,
    version: "losskit \(lossKitVersion)",
    subcommands: [
      ListCommand.self, DescribeCommand.self, EvaluateCommand.self, ExportCommand.self, TrainCommand.self,
      CompareCommand.self, GenerateCommand.self, VerifyCommand.self, MergeCommand.self, TokensCommand.self,
      ScoreCommand.self,
      NewCommand.self, SDKCommand.self,
      CheckCommand.self, CheckWorkerCommand.self,
      IndexWorkerCommand.self,
    ])

  /// The commands that open libraries in a process started by this program; their parents handle how they end.
  private static let workers = [CheckWorkerCommand.name, IndexWorkerCommand.name]

  static func main() {
    StandardFiles.openClosed()
    StandardFiles.outliveFileLimits()
    WaitingThreads.letSleep()
    do {
      try blaming(.usage) { try checkCommand(CommandLine.arguments.dropFirst().first) }
      var command = try parseAsRoot()
      if !workers.contains(CommandLine.arguments.dropFirst().first ?? "") { PluginEnd.report() }
      try command.run()
    } catch let failure as CommandFailure {
      fail(failure.message, failure.status)
    } catch let failure as Failure {
      fail(failure.message, .failure)
    } catch {
      let code = exitCode(for: error)
      // Help and the version are texts of this program; a message may quote an argument.
      if code.isSuccess { exit(withError: error) }
      Console.say(fullMessage(for: error) + "\n")
      exit(withError: code)
    }
  }

  /// Throws for an unknown command, with the nearest ones, which the parser does not suggest.
  private static func checkCommand(_ name: String?) throws {
    let shown = configuration.subcommands.filter { $0.configuration.shouldDisplay }
    let known = shown.map { $0.configuration.commandName ?? "" } + ["help"]
    guard let name, !name.hasPrefix("-"), !known.contains(name), !workers.contains(name) else { return }
    throw Failure(unknownNameMessage(name, kind: "command", known: known))
  }

  private static func fail(_ message: String, _ status: ExitStatus) -> Never {
    Console.note("error: \(message)")
    if status == .stopped { Interruption.endProcessBySignal() }
    exit(withError: ExitCode(status.rawValue))
  }
}
