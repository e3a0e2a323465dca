import ExactJSON
import Testing

@testable import WorkflowOperations

/// What fits a schema, and what does not.
@Suite struct JSONSchemaTests {
  private func problems(_ schema: String, _ value: String) throws -> [String] {
    try JSONSchema(JSONValue(parsing: schema)).problems(of: JSONValue(parsing: value))
  }

  private static let person = #"""
    {"type":"object","properties":{"name":{"type":"string","minLength":1},"age":{"type":["integer","null"]}},
     "required":["name"],"additionalProperties":false}
    """#
  private static let tree = ##"""
    {"$ref":"#/$defs/node","$defs":{"node":{"type":"object","properties":{"value":{"type":"integer"},
     "children":{"type":"array","items":{"$ref":"#/$defs/node"},"maxItems":2}},"required":["value"]}}}
    """##

  /// A schema, a value, and the first problem; nil where it fits.
  static let table: [(schema: String, value: String, problem: String?)] = [
    ("{}", "7", nil), (#"{"type":"string"}"#, #""x""#, nil),
    (#"{"type":"string"}"#, "7", "the value must be a string, not an integer"),
    (#"{"type":["string","null"]}"#, "null", nil),
    (#"{"type":["string","null"]}"#, "1.5", "the value must be a string or null, not a number"),
    (#"{"type":"integer"}"#, "1.0", nil), (#"{"type":"integer"}"#, "1e2", nil), (#"{"type":"integer"}"#, "-0.0", nil),
    (#"{"type":"integer"}"#, "1.5", "the value must be an integer, not a number"),
    (#"{"type":"integer"}"#, "15e-1", "the value must be an integer, not a number"),
    (#"{"type":"integer"}"#, "1e999999999999999999999", nil),
    (#"{"type":"number"}"#, "true", "the value must be a number, not a boolean"),
    (person, #"{"name":"Ada","age":null}"#, nil), (person, #"{"name":"Ada","age":36}"#, nil),
    (person, #"{"age":36}"#, #"the value has no member "name""#),
    (person, #"{"name":"","age":1}"#, "/name must have 1 characters or more, and has 0"),
    (person, #"{"name":"x","age":"old"}"#, "/age must be an integer or null, not a string"),
    (person, #"{"name":"x","town":1}"#, "/town is not allowed"),
    (#"{"additionalProperties":{"type":"integer"}}"#, #"{"a":1,"b":"x"}"#, "/b must be an integer, not a string"),
    (#"{"enum":["a","b",3]}"#, #""b""#, nil), (#"{"enum":["a","b",3]}"#, "3.0", nil),
    (#"{"enum":["a","b",3]}"#, #""c""#, #"the value must be one of "a", "b", 3"#),
    (#"{"const":{"a":[1]}}"#, #"{"a":[10e-1]}"#, nil), (#"{"const":1}"#, "2", "the value must be 1"),
    (#"{"const":null}"#, "null", nil), (#"{"const":null}"#, "0", "the value must be null"),
    (#"{"enum":[1,2],"const":2}"#, "2", nil), (#"{"enum":[1,2],"const":2}"#, "1", "the value must be 2"),
    (#"{"minimum":1,"maximum":5}"#, "1", nil), (#"{"minimum":1,"maximum":5}"#, "0.5", "the value must be 1 or more"),
    (#"{"maximum":5}"#, "6", "the value must be 5 or less"),
    (#"{"exclusiveMaximum":5}"#, "5", "the value must be less than 5"),
    (#"{"exclusiveMinimum":0}"#, "0", "the value must be more than 0"),
    (#"{"maxLength":2}"#, #""😀😀""#, nil),
    (#"{"maxLength":2}"#, #""abc""#, "the value must have 2 characters or fewer, and has 3"),
    (#"{"minItems":1,"maxItems":2}"#, "[]", "the value must have 1 elements or more, and has 0"),
    (#"{"items":{"type":"integer"}}"#, #"[1,"x"]"#, "/1 must be an integer, not a string"),
    (#"{"anyOf":[{"type":"string"},{"type":"null"}]}"#, "null", nil),
    (
      #"{"anyOf":[{"type":"string"},{"minimum":3}]}"#, "1",
      "the value fits no schema of anyOf: (the value must be a string, not an integer), (the value must be 3 or more)"
    ),
    (#"{"oneOf":[{"minimum":1},{"minimum":2}]}"#, "1", nil),
    (#"{"oneOf":[{"minimum":1},{"minimum":2}]}"#, "2", "the value must fit one schema of oneOf only, and fits 2"),
    (#"{"allOf":[{"minimum":1},{"maximum":2}]}"#, "3", "the value must be 2 or less"),
    (tree, #"{"value":1,"children":[{"value":2},{"value":3,"children":[]}]}"#, nil),
    (
      tree, #"{"value":1,"children":[{"value":2,"children":[{"x":1}]}]}"#,
      #"/children/0/children/0 has no member "value""#
    ),
    (
      tree, #"{"value":1,"children":[{"value":1},{"value":1},{"value":1}]}"#,
      "/children must have 2 elements or fewer, and has 3"
    ),
    (##"{"properties":{"a":{"$ref":"#"}},"additionalProperties":false}"##, #"{"a":{"a":{}}}"#, nil),
    (##"{"properties":{"a":{"$ref":"#"}},"additionalProperties":false}"##, #"{"a":{"b":{}}}"#, "/a/b is not allowed"),
    (##"{"$defs":{"a/b~c":{"type":"null"}},"$ref":"#/$defs/a~1b~0c"}"##, "1", "the value must be null, not an integer"),
    (#"{"properties":{"a/b":false}}"#, #"{"a/b":1}"#, "/a~1b is not allowed"),
    (#"{"title":"t","description":"d","format":"date","default":1,"type":"string"}"#, #""x""#, nil),
  ]

  @Test(arguments: table.indices) func `A value fits, or its first problem is said with its place`(_ row: Int) throws {
    let (schema, value, problem) = Self.table[row]
    #expect(try problems(schema, value).first == problem, "\(schema) \(value)")
  }

  /// A schema, and what is wrong with it.
  private static let faults: [(schema: String, sentence: String)] = [
    (#"{"type":"text"}"#, "at /type: a type is one of null, boolean, integer, number, string, array, object"),
    (#"{"type":[]}"#, "at /type: it must name a type"), ("[]", "a schema is an object, not an array"),
    (#"{"properties":{"a":1}}"#, "at /properties/a: a schema is an object, not a number"),
    (#"{"properties":[]}"#, "at /properties: it must be an object of schemas"),
    (#"{"required":"a"}"#, "at /required: it must be an array of strings"),
    (#"{"enum":[]}"#, "at /enum: it must be an array of values"),
    (#"{"minimum":"1"}"#, "at /minimum: it must be a number"),
    (#"{"minItems":-1}"#, "at /minItems: it must be a whole number from 0 on"),
    (#"{"minLength":2,"maxLength":1}"#, "at /maxLength: the least is above the most"),
    (#"{"anyOf":[]}"#, "at /anyOf: it must be an array of schemas"),
    (#"{"anyOf":[{"items":7}]}"#, "at /anyOf/0/items: a schema is an object, not a number"),
    (
      ##"{"$ref":"#/$defs/a"}"##,
      "at /$ref: there is no #/$defs/a; a $ref is '#', or the name of a schema as '#/$defs/name'"
    ),
    (
      #"{"$ref":"https://example.com/a"}"#,
      "at /$ref: there is no https://example.com/a; a $ref is '#', or the name of a schema as '#/$defs/name'"
    ),
    (##"{"$ref":"#"}"##, "a $ref leads back to its own schema without going into a value"),
    (
      ##"{"$defs":{"a":{"anyOf":[{"type":"null"},{"$ref":"#/$defs/b"}]},"b":{"allOf":[{"$ref":"#/$defs/a"}]}}}"##,
      "a $ref leads back to its own schema without going into a value"
    ),
    (
      #"{"$schema":"http://json-schema.org/draft-07/schema#"}"#,
      "at /$schema: only draft 2020-12 is supported, https://json-schema.org/draft/2020-12/schema"
    ),
  ]

  @Test(arguments: faults.indices) func `A schema that makes no sense is refused with the place`(_ row: Int) throws {
    let (schema, sentence) = Self.faults[row]
    let json = try JSONValue(parsing: schema)
    let fault = #expect(throws: JSONSchema.Fault.self) { _ = try JSONSchema(json) }
    #expect(fault?.sentence == sentence)
  }

  @Test(arguments: ["pattern", "uniqueItems", "prefixItems", "not", "if", "patternProperties", "multipleOf", "$anchor"])
  func `A keyword that is not supported is refused, not ignored`(_ keyword: String) throws {
    let json = try JSONValue(parsing: #"{"properties":{"a":{"\#(keyword)":{}}}}"#)
    let fault = #expect(throws: JSONSchema.Fault.self) { _ = try JSONSchema(json) }
    #expect(fault?.path == "/properties/a")
    #expect(fault?.message.hasPrefix("the keyword '\(keyword)' is not supported; these are: type, enum") == true)
  }

  @Test func `References of a step are taken as they are until they are resolved`() throws {
    let written = try JSONValue(
      parsing: #"""
        {"type":"{{inputs.type}}","enum":"@inputs.names","properties":{"a":"@inputs.schema"},"minItems":"@inputs.n"}
        """#)
    #expect(throws: Never.self) { _ = try JSONSchema(written, isWritten: true) }
    #expect(throws: JSONSchema.Fault.self) { _ = try JSONSchema(written) }
  }

  @Test func `A large schema and a deep one are refused`() throws {
    let names = (0..<8_000).map { #""n\#($0)":{}"# }.joined(separator: ",")
    let large = try JSONValue(parsing: #"{"properties":{\#(names)}}"#)
    #expect(throws: JSONSchema.Fault(path: "", message: "it takes more than 65536 bytes")) {
      _ = try JSONSchema(large)
    }
    let deep = String(repeating: #"{"items":"#, count: 70) + "{}" + String(repeating: "}", count: 70)
    let json = try JSONValue(parsing: deep)
    let fault = #expect(throws: JSONSchema.Fault.self) { _ = try JSONSchema(json) }
    #expect(fault?.message == "schemas nest deeper than 32 levels")
  }

  @Test func `What would take exponential time is given up after a bounded number of comparisons`() throws {
    // Each level tries both schemas, and each of these goes a level deeper.
    let schema = ##"""
      {"$ref":"#/$defs/a","$defs":{"a":{"type":"array","items":{"anyOf":[
        {"allOf":[{"$ref":"#/$defs/a"},{"maxItems":0}]},{"allOf":[{"$ref":"#/$defs/a"},{"maxItems":0}]}]}}}}
      """##
    let value = String(repeating: "[", count: 20) + "1" + String(repeating: "]", count: 20)
    #expect(try problems(schema, value).first == "validation takes more than 300000 comparisons")
  }

  @Test func `Problems are few and short, however many there are`() throws {
    let keys = (0..<100).map { #""\#(String(repeating: "k", count: 500))\#($0)":1"# }.joined(separator: ",")
    let found = try problems(#"{"additionalProperties":{"type":"string"}}"#, "{\(keys)}")
    #expect(found.count == 5 && found.allSatisfy { $0.utf8.count < 500 })
  }

  @Test func `A chain of references is followed as deep as the stack allows`() throws {
    let names = (0..<1_000).map { ##""d\##($0)":{"$ref":"#/$defs/d\##($0 + 1)"}"## }.joined(separator: ",")
    let schema = ##"{"$ref":"#/$defs/d0","$defs":{\##(names),"d1000":{"type":"null"}}}"##
    #expect(try problems(schema, "null") == ["validation takes more than 160 levels of schemas"])
  }
}
