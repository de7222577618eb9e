import Foundation
import LossKit
import LossKitTestSupport
import Testing

@testable import LossKitRuntime
@testable import LossKitSource

/// Exports to Python, executed by the system's python3 if it has the modules.
@Suite struct PythonSourceTests {
  /// The Python formats that can run here, with their modules.
  static let languages: [ExportFormat] = [(.python, "numpy"), (.torch, "torch"), (.jax, "jax")].filter { _, module in
    let found = (try? Child.run(["python3", "-c", "import numpy, \(module)"]))?.status == 0
    if !found { print("skipped: python3 has no module \(module), so what is exported for it is not executed") }
    return found
  }.map(\.0)

  @Test(arguments: languages)
  func theModulesGiveWhatTheObjectivesGive(language: ExportFormat) throws {
    let workshop = try PluginWorkshop()
    // Only NumPy and C support random numbers, and tokens that no column counts.
    let calls = try ExportCases.objectives.map(ExportedCall.init).filter { call in
      language == .python || (try? call.objective.exported(as: language)) != nil
    }
    var cases: [[String: Any]] = []
    for (index, call) in calls.enumerated() {
      try workshop.write(Array(try call.objective.exported(as: language).utf8), as: "m\(index).py")
      let columns = call.inputs.map { column in
        [CodeLanguage.numpy.identifier(column.name), call.batch.columns[column.name] ?? []] as [Any]
      }
      cases.append([
        "module": "m\(index)", "function": CodeLanguage.numpy.identifier(call.formula.name), "columns": columns,
        "offsets": call.formula.tokens == nil ? [] : call.batch.tokenOffsets ?? [],
        "state": call.objective.initialState,
        "seed": call.formula.isRandom ? "\(ExportedCall.seed)" : "",
        "differentiated": call.differentiated.map(\.name),
      ])
    }
    try workshop.write(Array(try JSONSerialization.data(withJSONObject: cases)), as: "cases.json")
    try workshop.write(Array(Self.driver.utf8), as: "driver.py")
    let run = try Child.run(["python3", workshop.path("driver.py"), language.rawValue, workshop.path("")])
    try #require(run.status == 0, "\(run.text.suffix(2000))")
    let results = try #require(
      JSONSerialization.jsonObject(with: Data(workshop.read(workshop.path("results.json")))) as? [[String: Any]])
    for (call, result) in zip(calls, results) {
      let worst = call.worst(
        loss: result["loss"] as? [Double] ?? [], reward: result["reward"] as? [Double] ?? [],
        gradients: result["gradients"] as? [String: [Double]] ?? [:], state: result["state"] as? [Double] ?? [])
      #expect(worst < 1e-10, "\(call.text)")
    }
    #expect(results.count == calls.count)
  }

  private static let driver = """
    import importlib, json, sys
    import numpy as np
    language, directory = sys.argv[1:]
    sys.path.insert(0, directory)
    flat = lambda x: np.asarray(x, dtype=float).reshape(-1).tolist()
    results = []
    for case in json.load(open(directory + "/cases.json")):
        f = getattr(importlib.import_module(case["module"]), case["function"])
        columns = {name: np.array(values, dtype=float) for name, values in case["columns"]}
        more = {}
        if case["offsets"]: more["token_offsets"] = np.array(case["offsets"])
        if case["state"]: more["state"] = tuple(case["state"])
        if case["seed"]: more["seed"] = int(case["seed"])
        if language == "python":
            r = f(**columns, **more)
            results.append({"loss": flat(r["loss"]), "reward": flat(r.get("reward", [])), "state": flat(r.get("state", [])),
                            "gradients": {k: flat(v) for k, v in r["gradients"].items()}})
            continue
        names = [name for name in columns if name.rstrip("_") in case["differentiated"]]
        if language == "torch":
            import torch
            columns = {k: torch.tensor(v, requires_grad=k in names) for k, v in columns.items()}
            if "token_offsets" in more: more["token_offsets"] = torch.tensor(more["token_offsets"])
            r = f(**columns, **more)
            r = r if isinstance(r, tuple) else (r,)
            if names: r[0].sum().backward()
            gradients = {k: flat(columns[k].grad) for k in names}
            r = [[float(s) for s in x] if isinstance(x, tuple) else x.detach() for x in r]
        else:
            import jax
            jax.config.update("jax_enable_x64", True)
            def total(chosen):
                r = f(**{**columns, **chosen}, **more)
                r = r if isinstance(r, tuple) else (r,)
                return r[0].sum(), r
            (_, r), found = jax.jit(jax.value_and_grad(total, has_aux=True))({k: columns[k] for k in names})
            gradients = {k: flat(v) for k, v in found.items()}
        rest = list(r[1:])
        state = flat(rest.pop()) if case["state"] else []
        results.append({"loss": flat(r[0]), "reward": flat(rest[0]) if rest else [], "state": state, "gradients": gradients})
    json.dump(results, open(directory + "/results.json", "w"))
    """
}
