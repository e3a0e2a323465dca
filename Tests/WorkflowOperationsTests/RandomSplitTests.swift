import ExactJSON
import Glibc
import SeededRandom
import Testing
import Workflow
import WorkflowOperations

/// Chunks of random and of hostile texts.
@Suite struct RandomSplitTests {
  private static let seeds: [UInt64] = [1, 2, 3, 4]

  private func chunks(_ text: String, _ params: JSONObject) async throws -> [String] {
    var params = params
    params["text"] = .string(text)
    return try await SplitText().outputs(params)["chunks"]?.arrayValue?.compactMap(\.stringValue) ?? []
  }

  private static func text(of pieces: [String], _ count: Int, using random: inout SeededGenerator) -> String {
    (0..<Int.random(in: 0...count, using: &random)).map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
  }

  private static func number(_ value: Int) -> JSONValue { .number(JSONNumber(value)) }

  // MARK: Where chunks end

  /// The bound at an offset of a text in ASCII, by looking back from there: 3 for a paragraph's to 0 for a word's.
  private static func bound(_ text: [UInt8], _ offset: Int, isAtLimit: Bool) -> Int? {
    func isWhite(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x0a }
    let isBeforeWhite = isWhite(text[offset])
    var word = offset
    while word > 0, isWhite(text[word - 1]) { word -= 1 }
    if isBeforeWhite ? !isAtLimit : word == offset { return nil }
    let lines = text[word..<offset].count { $0 == 0x0a }
    if lines > 1 { return 3 }
    var end = word
    while end > 0, text[end - 1] == UInt8(ascii: ")") { end -= 1 }
    let last = end > 0 ? text[end - 1] : 0
    let isLowercase = !isBeforeWhite && (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(text[offset])
    if last == UInt8(ascii: "!") || (last == UInt8(ascii: ".") && !isLowercase) { return 2 }
    return lines > 0 ? 1 : 0
  }

  /// Chunks by trying every end.
  private static func slowChunks(_ text: String, limit: Int) -> [String] {
    let bytes = Array(text.utf8)
    var chunks: [String] = []
    var start = 0
    while start < bytes.count {
      let last = min(bytes.count, start + limit)
      var (end, best) = (last, -1)
      for offset in start + 1..<max(start + 1, last + 1) where last < bytes.count {
        let hasWord = bytes[start..<offset].contains { $0 != 0x20 && $0 != 0x0a }
        if hasWord, let bound = bound(bytes, offset, isAtLimit: offset == last), bound >= best {
          (end, best) = (offset, bound)
        }
      }
      chunks.append(String(decoding: bytes[start..<end], as: UTF8.self))
      start = end
    }
    return chunks
  }

  @Test(arguments: seeds) func `A chunk ends at the last of the best bounds within the limit`(seed: UInt64) async throws
  {
    var random = SeededGenerator(seed: seed)
    let pieces = [" ", " ", " ", "\n", "\n\n", ".", "!", ")", "a", "B", "word", "Word", "  \n \n"]
    for _ in 0..<1_000 {
      let text = Self.text(of: pieces, 40, using: &random)
      let limit = Int.random(in: 1...20, using: &random)
      let found = try await chunks(text, ["max_chars": Self.number(limit)])
      #expect(found == Self.slowChunks(text, limit: limit), "\(JSONValue.string(text).text) \(limit)")
    }
  }

  // MARK: What is in the chunks

  @Test(arguments: seeds) func `Every character is in a chunk, in order, and no chunk is too long`(seed: UInt64)
    async throws
  {
    var random = SeededGenerator(seed: seed)
    let pieces = [
      "e\u{301}", "\u{316}", "😀", "。", "汉", "\u{2029}", "\u{a0}", "\r\n", "\n", " ", ".", "?", "”", "x", "é",
    ]
    for _ in 0..<1_000 {
      let text = Self.text(of: pieces, 60, using: &random)
      let limit = Int.random(in: 1...12, using: &random)
      let byChars = try await chunks(text, ["max_chars": Self.number(limit)])
      #expect(byChars.allSatisfy { (1...limit).contains($0.unicodeScalars.count) })
      let byTokens = try await chunks(text, ["max_tokens": Self.number(limit)])
      #expect(byTokens.allSatisfy { (1...limit * 4).contains($0.utf8.count) })
      for chunks in [byChars, byTokens] { #expect(chunks.joined().utf8.elementsEqual(text.utf8)) }
      #expect(
        try await chunks(text, ["max_chars": Self.number(limit)]).map { Array($0.utf8) }
          == byChars.map { Array($0.utf8) })
    }
  }

  @Test(arguments: seeds) func `What chunks repeat is the end of the chunk before, and not too long`(seed: UInt64)
    async throws
  {
    var random = SeededGenerator(seed: seed)
    for _ in 0..<500 {
      // Every word is there once, so that a chunk has one place.
      let text = (0..<Int.random(in: 0...60, using: &random)).map { word in
        "w\(word)" + ([" ", " ", ". ", "\n\n", "😀"].randomElement(using: &random) ?? "")
      }.joined()
      let limit = Int.random(in: 8...30, using: &random)
      let overlap = Int.random(in: 0..<limit, using: &random)
      let scalars = Array(text.unicodeScalars)
      var end = 0
      for chunk in try await chunks(text, ["max_chars": Self.number(limit), "overlap": Self.number(overlap)]) {
        let chunk = Array(chunk.unicodeScalars)
        #expect(chunk.count <= limit)
        let repeated = (0...min(end, overlap)).last {
          scalars[(end - $0)...].starts(with: chunk) && chunk.count > $0
        }
        end += chunk.count - (try #require(repeated, "\(text) \(limit) \(overlap)"))
      }
      #expect(end == scalars.count)
    }
  }

  // MARK: What it costs

  /// Seconds of CPU for a text of 128 KiB. Without optimization the same code takes over ten times as long; a cost that
  /// grows with the square of the length takes minutes.
  private static var allowed: Double {
    #if DEBUG
      5
    #else
      0.1
    #endif
  }

  private static var now: Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  static let hostile: [(String, String)] = [
    ("no bound", "x"), ("white space", " "), ("line feeds", "\n"), ("full stops", "."), ("words", "a "),
    ("sentences", "A. "), ("paragraphs", "A.\n\n"), ("combining marks", "\u{301}\u{316}"), ("emoji", "😀"),
    ("closing quotes", "." + String(repeating: "”", count: 3_000)), ("wide sentences", "。"),
    ("every bound once", String(repeating: "x", count: 3_996) + "\n\nA. b\n c "),
  ]

  @Test(arguments: hostile, [(4_000, 0), (100_000, 99_999), (4, 3), (4_000, 3_999)])
  func `A text costs time in proportion to its length`(text: (name: String, unit: String), size: (Int, Int))
    async throws
  {
    let long = String(repeating: text.unit, count: (1 << 17) / text.unit.utf8.count)
    let params: JSONObject = ["max_chars": Self.number(size.0), "overlap": Self.number(size.1)]
    let start = Self.now
    let chunks = try await chunks(long, params)
    #expect(Self.now - start < Self.allowed, "\(text.name) \(size)")
    #expect(chunks.reduce(0) { $0 + $1.utf8.count } <= 2 * long.utf8.count)
  }
}
