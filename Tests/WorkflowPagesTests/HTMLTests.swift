import ExactJSON
import Testing
import WorkflowPages

@Suite struct HTMLTests {
  private func text(_ write: (inout HTML) -> Void) -> String {
    var html = HTML()
    write(&html)
    return String(decoding: html.bytes, as: UTF8.self)
  }

  @Test func `Texts and values of attributes are escaped`() {
    let evil = "<script>alert('a')</script> & \"b\""
    let written = text { $0.element("p", ["title": evil], evil) }
    let safe = "&lt;script&gt;alert(&#39;a&#39;)&lt;/script&gt; &amp; &quot;b&quot;"
    #expect(written == "<p title=\"\(safe)\">\(safe)</p>")
    #expect(text { $0.text("a\0b") } == "a\u{fffd}b")
  }

  @Test func `A mark that follows an angle bracket does not hide it`() {
    #expect(text { $0.text("<\u{338}b>\u{301}") } == "&lt;\u{338}b&gt;\u{301}")
  }

  @Test func `An attribute without a value is left out`() {
    #expect(
      text { $0.void("input", ["name": "a", "value": nil, "required": ""]) } == "<input name=\"a\" required=\"\">")
  }

  @Test func `A form carries its token`() {
    let written = text { $0.form("/workflow", token: "t<") { $0.element("button", "Go") } }
    #expect(written.contains("<input type=\"hidden\" name=\"csrf\" value=\"t&lt;\">"))
    #expect(written.hasPrefix("<form method=\"post\" action=\"/workflow\">"))
  }

  @Test func `A page has no inline script and no inline style, and names the hashed ones`() {
    let page = Page(title: "a<b", section: .runs, scripts: ["run.js"], content: HTML())
    let text = String(decoding: page.html(for: Page.Viewer()), as: UTF8.self)
    #expect(text.contains("<title>a&lt;b · wf</title>"))
    #expect(!text.contains("style=") && !text.contains("<style"))
    #expect(text.contains("<script type=\"module\" src=\"/workflow/assets/run."))
    #expect(text.components("<script").count == 2)
    #expect(text.contains("aria-current=\"page\""))
  }
}

@Suite struct JSONTextTests {
  private func text(_ value: JSONValue, limit: Int = 1 << 20) -> (String, Bool) {
    let text = JSONText(value, limit: limit)
    return (String(decoding: text.bytes, as: UTF8.self), text.isCut)
  }

  @Test func `A member and an element have a line each`() {
    let (text, isCut) = text(["a": [1, 2], "b": ["c": "d"], "e": [], "f": [:]])
    #expect(!isCut)
    #expect(
      text == """
        {
          "a": [
            1,
            2
          ],
          "b": {
            "c": "d"
          },
          "e": [],
          "f": {}
        }
        """)
  }

  @Test func `What is longer than the limit is cut, and says so`() {
    let (long, isCut) = text(["a": .string(String(repeating: "x", count: 10_000))], limit: 100)
    #expect(isCut && long.utf8.count < 300)
    let (many, isManyCut) = text(.array((0..<10_000).map { .number(JSONNumber($0)) }), limit: 100)
    #expect(isManyCut && many.utf8.count < 300)
  }
}

@Suite struct AssetTests {
  @Test func `All files together take less than 60 kB compressed, and each has its digest in its name`() throws {
    var sum = 0
    for file in Assets.all.files {
      let compressed = try #require(file.compressed)
      #expect(compressed.starts(with: [0x1f, 0x8b]))
      sum += compressed.count
      let parts = file.name.split(separator: ".")
      #expect(parts.count == 3 && parts[1].utf8.count == 12)
      #expect(Assets.all.file(named: file.name)?.bytes == file.bytes)
    }
    #expect(sum < 60_000, "\(sum)")
    #expect(Assets.all.file(named: "wf.css") == nil)
  }

  @Test func `Scripts import each other by the names with the digests`() {
    let names = Assets.all.files.map(\.name)
    for file in Assets.all.files where file.name.hasSuffix(".js") {
      let text = String(decoding: file.bytes, as: UTF8.self)
      for part in text.components("from \"./").dropFirst() {
        let name = part.prefix { $0 != "\"" }
        #expect(names.contains(String(name)), "\(file.name) imports \(name)")
      }
    }
  }
}

extension String {
  /// The parts between occurrences of a text.
  fileprivate func components(_ separator: String) -> [String] {
    var parts: [String] = []
    var rest = self[...]
    while let range = rest.firstRange(of: separator) {
      parts.append(String(rest[..<range.lowerBound]))
      rest = rest[range.upperBound...]
    }
    return parts + [String(rest)]
  }
}
