import ArgumentParser
import ExactJSON

/// The manual page wf(1): commands and options as the argument parser knows them, the rest as the pages of the
/// documentation have it.
struct ManualPage {
  /// The texts of the pages.
  struct Pages {
    let settings: String
    let commands: String
    let operating: String
  }

  /// The page in mdoc(7).
  let text: String

  init(version: String, date: String, pages: Pages) throws {
    let root = (try? JSONValue(deeply: Array(WF._dumpHelp().utf8)))?.objectValue?["command"]?.objectValue
    guard let root else { throw MarkdownPage.Missing(description: "the argument parser describes no command") }
    var lines = [".Dd \(date)", ".Dt WF 1", ".Os \(Roff.argument("wf \(version)"))"]
    lines += [".Sh NAME", ".Nm wf", ".Nd a workflow API for production hosts", ".Sh SYNOPSIS"]
    lines += [".Nm", ".Ar command", ".Op Ar options", ".Nm", ".Fl Fl help | Fl Fl version"]
    lines += [".Sh DESCRIPTION"] + Roff.lines(try MarkdownPage(pages.commands).paragraph(under: "What wf does"))
    lines += [".Sh COMMANDS"] + Self.commands(of: root)
    let settings = MarkdownPage(pages.settings)
    lines += [".Sh ENVIRONMENT"] + Roff.lines(try settings.paragraph(under: "Where settings come from"))
    lines += Self.list(
      try settings.table(headed: "setting").map { row in
        (row[0], row[1] == "none" ? row[2] : "\(row[2]). Default: \(row[1])")
      })
    let operating = MarkdownPage(pages.operating)
    lines += [".Sh FILES"] + Self.list(try operating.table(headed: "file").map { ($0[0], $0[1]) })
    let commands = MarkdownPage(pages.commands)
    lines += [".Sh EXIT STATUS"] + Self.list(try commands.table(headed: "code").map { ($0[0], $0[1]) })
    lines += [".Sh EXAMPLES"] + Roff.literal(try commands.code(under: "Examples"))
    lines += [".Sh SEE ALSO", ".Xr redis-server 1 ,", ".Xr systemd 1 ,", ".Xr nginx 8"]
    lines += [".Pp"] + Roff.lines("The pages of the documentation are in `/usr/share/doc/wf`.")
    text = lines.joined(separator: "\n") + "\n"
  }

  /// Terms with their meanings.
  private static func list(_ entries: [(term: String, meaning: String)]) -> [String] {
    [".Bl -tag -width Ds"]
      + entries.flatMap { entry in
        [".It Sy \(Roff.argument(entry.term.filter { $0 != "`" }))"] + Roff.lines(sentence(entry.meaning))
      } + [".El"]
  }

  /// A cell of a table as a sentence.
  private static func sentence(_ text: String) -> String {
    let head = text.prefix(1).first?.isLetter == true ? text.prefix(1).uppercased() + text.dropFirst() : text
    return head.hasSuffix(".") ? head : head + "."
  }

  // MARK: Commands

  private static func commands(of command: JSONObject, _ path: String = "wf") -> [String] {
    let commands = command["subcommands"]?.arrayValue?.compactMap(\.objectValue) ?? []
    return commands.flatMap { command -> [String] in
      guard let name = command["commandName"]?.stringValue, command["shouldDisplay"] != false, name != "help" else {
        return []
      }
      return section(of: command, "\(path) \(name)") + self.commands(of: command, "\(path) \(name)")
    }
  }

  private static func section(of command: JSONObject, _ path: String) -> [String] {
    var lines = [".Ss \(Roff.argument(path))"]
    lines += Roff.lines(command["abstract"]?.stringValue ?? "")
    for paragraph in (command["discussion"]?.stringValue ?? "").split(separator: "\n\n") {
      // Paragraphs of examples have a command in each line.
      let isCode = paragraph.split(separator: "\n").allSatisfy { $0.hasPrefix("wf ") }
      lines += isCode ? Roff.literal(String(paragraph)) : [".Pp"] + Roff.lines(String(paragraph))
    }
    let arguments = (command["arguments"]?.arrayValue ?? []).compactMap(\.objectValue).filter { argument in
      argument["shouldDisplay"] != false && !["help", "version"].contains(name(of: argument))
    }
    guard !arguments.isEmpty else { return lines }
    return lines + [".Bl -tag -width Ds"] + arguments.flatMap(item) + [".El"]
  }

  private static func name(of argument: JSONObject) -> String? {
    argument["preferredName"]?.objectValue?["name"]?.stringValue
  }

  private static func item(of argument: JSONObject) -> [String] {
    let value = Roff.escaped(argument["valueName"]?.stringValue ?? "value")
    let names = (argument["names"]?.arrayValue ?? []).compactMap(\.objectValue).map { name in
      let dashes = name["kind"] == "long" ? "Fl Fl" : "Fl"
      return "\(dashes) \(Roff.escaped(name["name"]?.stringValue ?? ""))"
    }
    let head: String =
      switch argument["kind"]?.stringValue {
      case "positional": "Ar \(value)"
      case "option": "\(names.joined(separator: " , ")) Ar \(value)"
      default: names.joined(separator: " , ")
      }
    var meaning = argument["abstract"]?.stringValue ?? ""
    if let standard = argument["defaultValue"]?.stringValue, !standard.isEmpty, standard != "false" {
      meaning += " Default: \(standard)."
    }
    if let values = argument["allValues"]?.arrayValue?.compactMap(\.stringValue), !values.isEmpty {
      meaning += " One of \(values.joined(separator: ", "))."
    }
    return [".It \(head)"] + Roff.lines(meaning)
  }
}
