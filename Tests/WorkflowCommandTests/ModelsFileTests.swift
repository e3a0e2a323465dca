import Testing
import WorkflowLLM
import WorkflowOperations

@testable import WorkflowCommand

/// Files of models: what they say, and what is wrong with faulty ones.
@Suite struct ModelsFileTests {
  private func read(_ text: String) -> ModelsFile {
    ModelsFile(Array(text.utf8), defaults: .init(timeout: .seconds(7), temperature: 0.2))
  }

  private static let whole = #"""
    {"models": [
       {"name": "fast", "base_url": "https://api.example/v1", "model": "gpt-4o-mini", "api_key_env": "FAST_KEY"},
       {"name": "org/big:70b", "wire": "openai-chat", "base_url": "https://h/openai/deployments/d?api-version=1",
        "api_key_credential": "big_key", "auth": "api-key", "timeout_s": 30, "idle_timeout_s": 2.5,
        "temperature": null, "refuses": ["temperature", "max_tokens"], "context_tokens": 128000, "max_tokens": 4096,
        "limits": {"concurrent": 4, "requests_min": 60, "tokens_min": 100000},
        "prices": {"input": 2.5, "cached_input": 1.25, "output": 10}}],
     "default": ["org/big:70b", "fast"],
     "next_after": {"attempts": 2, "rate_limit_s": 0.5}}
    """#

  @Test func `All that a file says is in the catalogue, and the rest has defaults`() throws {
    let file = read(Self.whole)
    #expect(file.faults == [])
    let catalog = try #require(file.catalog)
    let (fast, big) = (catalog.models[0], catalog.models[1])
    #expect(fast.name == "fast" && fast.model == "gpt-4o-mini" && fast.wire == .chatCompletions)
    #expect(fast.timeout == .seconds(7) && fast.temperature == 0.2 && fast.apiKey == nil && fast.keyHeader == nil)
    #expect(fast.limits.requestsPerMinute == nil && fast.prices == nil && fast.maxTokens == nil)
    #expect(big.model == "org/big:70b" && big.keyHeader == .apiKey && big.temperature == nil)
    #expect(big.timeout == .seconds(30) && big.idleTimeout == .milliseconds(2_500))
    #expect(big.refusedParameters == ["temperature", "max_tokens"])
    #expect(big.contextTokens == 128_000 && big.maxTokens == 4_096)
    #expect(big.limits.concurrentCalls == 4 && big.limits.requestsPerMinute == 60)
    #expect(big.limits.tokensPerMinute == 100_000)
    #expect(big.prices == .init(input: 2.5, cachedInput: 1.25, output: 10))
    #expect(catalog.defaultChain == ["org/big:70b", "fast"])
    #expect(catalog.succession.attempts == 2 && catalog.succession.longestRefusal == .milliseconds(500))
    #expect(file.keys == ["fast": .environment("FAST_KEY"), "org/big:70b": .credential("big_key")])
  }

  @Test func `One model needs no chain, and a chain of one no array`() {
    let one = #"{"name":"a","base_url":"http://h/v1"}"#
    let two = #"{"name":"b","base_url":"http://h/v1"}"#
    #expect(read(#"{"models":[\#(one)]}"#).catalog?.defaultChain == ["a"])
    #expect(read(#"{"models":[\#(one),\#(two)],"default":"b"}"#).catalog?.defaultChain == ["b"])
  }

  /// A model's members beside its name and URL, and the sentence that refuses them.
  private static let faultyMembers: [(members: String, sentence: String)] = [
    (#""temprature": 1"#, "models[0].temprature: there is no such member; did you mean temperature?"),
    (#""rpm": 60"#, #"models[0].rpm: there is no such member; write limits: {"requests_min": …}"#),
    (#""litellm_params": {}"#, "models[0].litellm_params: there is no such member; write its members here, one by one"),
    (
      #""wire": "openai_chat""#,
      #"models[0].wire: "openai_chat" is none of openai-chat, openai-responses, anthropic-messages; did you mean openai-chat?"#
    ),
    (
      #""wire": "anthropic""#,
      #"models[0].wire: "anthropic" is none of openai-chat, openai-responses, anthropic-messages; did you mean anthropic-messages?"#
    ),
    (#""wire": 1"#, "models[0].wire: a text is expected, not a number"),
    (#""model": """#, "models[0].model: the provider's name of the model is expected"),
    (#""auth": "basic""#, #"models[0].auth: "basic" is none of bearer, api-key, x-api-key"#),
    (#""timeout_s": 0"#, "models[0].timeout_s: a number from 0.1 to 3600 is expected, not 0"),
    (#""timeout_s": "60""#, "models[0].timeout_s: a number from 0.1 to 3600 is expected, not a string"),
    (#""temperature": 3"#, "models[0].temperature: a number from 0 to 2 is expected, not 3"),
    (
      #""temperature": 1, "refuses": ["temperature"]"#,
      "models[0].temperature: the model refuses it, as refuses says"
    ),
    (#""refuses": "temperature""#, "models[0].refuses: an array of names of parameters is expected, not a string"),
    (#""max_tokens": 1.5"#, "models[0].max_tokens: a whole number from 1 to 1000000 is expected, not 1.5"),
    (#""max_tokens": 9, "context_tokens": 8"#, "models[0].max_tokens: it is above context_tokens, which is 8"),
    (#""limits": []"#, "models[0].limits: an object is expected, not an array"),
    (#""limits": {"rpm": 1}"#, "models[0].limits.rpm: there is no such member; write requests_min"),
    (
      #""limits": {"concurrent": 0}"#, "models[0].limits.concurrent: a whole number from 1 to 100000 is expected, not 0"
    ),
    (#""prices": {"input": 1}"#, "models[0].prices.output: it is missing"),
    (
      #""prices": {"input": -1, "output": 1}"#, "models[0].prices.input: a number from 0 to 1000000 is expected, not -1"
    ),
    (
      #""api_key_env": "A", "api_key_credential": "b""#,
      "models[0].api_key_credential: api_key_env says already where the key is: keep one of them"
    ),
    (#""api_key": "os.environ/OPENAI_KEY""#, #"models[0].api_key: write "api_key_env": "OPENAI_KEY""#),
  ]

  @Test(arguments: faultyMembers)
  func `A faulty member is refused with its place`(_ fault: (members: String, sentence: String)) {
    let file = read(#"{"models":[{"name":"a","base_url":"http://h/v1",\#(fault.members)}]}"#)
    #expect(file.faults == [fault.sentence])
    #expect(file.catalog == nil)
  }

  @Test(arguments: [
    #""api_key": "sk-hush-1""#, #""key": "hush""#, #""api_key_env": "sk-hush-1""#, #""api_key_env": "gsk_hush""#,
    #""api_key_env": "$HUSH""#, #""api_key_credential": "sk-hush-1""#, #""api_key_credential": "../hush""#,
    #""api_key": "os.environ/hush""#, #""api_key": null"#,
  ])
  func `A key in the file is refused with what to do, and is not repeated`(_ member: String) {
    let file = read(#"{"models":[{"name":"a","base_url":"http://h/v1",\#(member)}]}"#)
    #expect(file.faults.count == 1)
    #expect(file.faults[0].contains("does not belong in this file"))
    #expect(!file.faults[0].lowercased().contains("hush"))
  }

  @Test(arguments: [
    "https://user:hush@h/v1", "https://hush@h/v1", "https://h/v1?key=hush", "https://h/v1?a=b&api-key=hush",
    "https://h/v1?access_token=hush",
  ])
  func `A URL with a secret is refused, and the secret is not repeated`(_ url: String) {
    let file = read(#"{"models":[{"name":"a","base_url":"\#(url)"}]}"#)
    #expect(file.faults.count == 1)
    #expect(file.faults[0].hasPrefix("models[0].base_url: ") && !file.faults[0].contains("hush"))
  }

  @Test(arguments: ["h/v1", "ftp://h/v1", "https://h/v1#x", "https://h/v1/completions", "https://"])
  func `A URL that can never work is refused`(_ url: String) {
    let faults = read(#"{"models":[{"name":"a","base_url":"\#(url)"}]}"#).faults
    #expect(faults.count == 1 && faults[0].hasPrefix("models[0].base_url: "))
  }

  private static let a = #"{"name":"a","base_url":"http://h/v1"}"#
  private static let b = #"{"name":"b","base_url":"http://h/v1"}"#

  /// Files, and the sentences that refuse them.
  private static let faultyFiles: [(text: String, sentences: [String])] = [
    ("", ["line 1, column 1: The text is empty"]),
    ("[]", ["an object is expected, not an array"]),
    ("{}", ["models: it is missing: an array of objects, one for each model, is expected"]),
    (#"{"models":[]}"#, ["models: 1 to 1000 models are expected, not 0"]),
    (#"{"models":{"a":1}}"#, ["models: an array of objects, one for each model, is expected, not an object"]),
    (#"{"models":["a"]}"#, ["models[0]: an object is expected, not a string"]),
    (
      "{\"models\":[\n  \(a),\n  {\"name\":\"é\" \"wire\"}]}", ["line 3, column 15: Expected ',' or '}' but found '\"'"]
    ),
    (#"{"models":[{"name":"a","name":"b"}]}"#, [#"line 1, column 24: The key "name" comes twice in the same object"#]),
    (
      #"{"models":[\#(a),\#(a)],"default":"a"}"#,
      ["models[1].name: models[0] has the name a, too: each model has its own"]
    ),
    (
      #"{"models":[{"name":"a b","base_url":"http://h/v1"}]}"#,
      [#"models[0].name: 1 to 64 ASCII letters, digits, _, -, ., : and / are expected, not "a b""#]
    ),
    (
      #"{"models":[{"name":"placeholder","base_url":"http://h/v1"}]}"#,
      ["models[0].name: placeholder is the name of the placeholder: choose another"]
    ),
    (
      #"{"models":[\#(a),\#(b)]}"#,
      [
        #"default: it is missing: say which models are called, in order, where a step names none, such as ["a", "b"]"#
      ]
    ),
    (#"{"models":[\#(a)],"default":"c"}"#, [#"default: no model has the name "c"; did you mean a?"#]),
    (#"{"models":[\#(a)],"default":["a",1]}"#, ["default[1]: the name of a model is expected"]),
    (#"{"models":[\#(a)],"default":["a","a"]}"#, [#"default[1]: "a" is in the chain already"#]),
    (#"{"models":[\#(a)],"default":[]}"#, ["default: 1 to 8 names of models are expected, not 0"]),
    (
      #"{"model_list":[\#(a)]}"#,
      [
        "model_list: there is no such member; write models",
        "models: it is missing: an array of objects, one for each model, is expected",
      ]
    ),
    (
      #"{"models":[\#(a)],"next_after":{"attempt":1}}"#,
      [
        "next_after.attempt: there is no such member; did you mean attempts?"
      ]
    ),
    (
      #"{"models":[\#(a)],"next_after":{"attempts":0,"rate_limit_s":-1}}"#,
      [
        "next_after.attempts: a whole number from 1 to 1000 is expected, not 0",
        "next_after.rate_limit_s: a number from 0 to 86400 is expected, not -1",
      ]
    ),
  ]

  @Test(arguments: faultyFiles) func `A faulty file is refused`(_ fault: (text: String, sentences: [String])) {
    let file = read(fault.text)
    #expect(file.faults == fault.sentences)
    #expect(file.catalog == nil)
  }

  @Test func `All faults of a file are told at once`() {
    let text = #"""
      {"models": [{"nam": "a", "base_url": "h", "api_key": "k"}, {"name": "b", "base_url": "http://h/v1", "auth": "x", "api_key": "k"}],
       "default": ["b", "bb"], "nextafter": 1}
      """#
    #expect(
      read(text).faults.map { $0.prefix { $0 != ":" } } == [
        "nextafter", "models[0].nam", "models[0].name", "models[0].base_url", "models[0].api_key", "models[1].auth",
        "models[1].api_key",
        "default[1]",
      ])
  }

  @Test func `A base URL must be one of the wire`() {
    for (wire, path) in [
      ("openai-chat", "responses"), ("openai-responses", "messages"), ("anthropic-messages", "responses"),
    ] {
      let model = #"{"models":[{"name":"a","wire":"\#(wire)","base_url":"http://h/v1"#
      #expect(read(model + #""}]}"#).faults.isEmpty, "\(wire)")
      let faults = read(model + #"/\#(path)"}]}"#).faults
      #expect(faults.count == 1 && faults[0].hasPrefix("models[0].base_url: its path ends with /\(path)"), "\(faults)")
    }
  }

  // MARK: Settings

  private func settings(
    _ text: String, _ given: [String: String] = [:], credentials: [String: String] = [:]
  ) throws -> Settings {
    try withFile(text) { path in
      let environment = ["WF_MODELS_FILE": path].merging(given) { $1 }
      return try Settings(SettingsReader(environment: environment, credentialFiles: credentials))
    }
  }

  @Test func `Keys come from the environment and from credentials, and only who calls a model needs them`() throws {
    let text = Self.whole.replacing(#""temperature": null, "#, with: "")
    let settings = try withFile("hush-2\n") { key in
      try self.settings(text, ["FAST_KEY": " hush-1\n"], credentials: ["big_key": key])
    }
    #expect(settings.models.catalog?.models.map(\.apiKey) == ["hush-1", "hush-2"])
    try settings.models.requireKeys()
    #expect(settings.modelLimits.models == ["fast", "org/big:70b"] && settings.modelLimits.maxTokens == 32_768)
    let without = try self.settings(text)
    #expect(without.models.catalog?.models.map(\.apiKey) == [nil, nil])
    let missing = #expect(throws: Settings.Invalid.self) { try without.models.requireKeys() }
    #expect(
      missing?.problems == [
        "WF_MODELS_FILE: the key of the model fast: the environment variable FAST_KEY is not set",
        "WF_MODELS_FILE: the key of the model org/big:70b: there is no credential big_key; LoadCredential=big_key in "
          + "wf-worker loads it",
      ])
    let malformed = try self.settings(text, ["FAST_KEY": "a hush"], credentials: ["big_key": "/nonexistent"])
    #expect(malformed.models.missingKeys["fast"]?.contains("FAST_KEY: it holds a blank") == true)
    #expect(malformed.models.missingKeys["org/big:70b"]?.contains("cannot be read") == true)
    #expect(!malformed.models.missingKeys.values.contains { $0.contains("hush") })
  }

  @Test func `A file and the settings of one model exclude each other`() throws {
    let text = #"{"models":[{"name":"a","base_url":"http://h/v1"}]}"#
    let values = ["WF_LLM_AUTH": "bearer", "WF_LLM_TOKENS_PARAMETER": "auto", "WF_LLM_STREAM": "0"]
    for name in ["WF_LLM_BASE_URL", "WF_LLM_MODEL", "WF_LLM_MODELS"] + values.keys {
      let value = values[name] ?? "http://h"
      let invalid = #expect(throws: Settings.Invalid.self) { try settings(text, [name: value]) }
      #expect(invalid?.problems.count == 1)
      #expect(invalid?.description.hasPrefix("\(name) and WF_MODELS_FILE exclude each other") == true)
    }
    let key = #expect(throws: Settings.Invalid.self) { try settings(text, ["WF_LLM_API_KEY": "hush"]) }
    #expect(key?.description.hasPrefix("WF_LLM_API_KEY is the key of none of the models") == true)
    let named = #"{"models":[{"name":"a","base_url":"http://h/v1","api_key_env":"WF_LLM_API_KEY"}]}"#
    #expect(try settings(named, ["WF_LLM_API_KEY": "k"]).models.catalog?.models.first?.apiKey == "k")
    // What holds for all models stays a setting.
    let all = try settings(text, ["WF_LLM_TEMPERATURE": "none", "WF_LLM_TIMEOUT_S": "9", "WF_LLM_MAX_TOKENS": "50"])
    #expect(all.models.catalog?.models.first?.temperature == nil && all.modelLimits.maxTokens == 50)
    #expect(all.models.catalog?.models.first?.timeout == .seconds(9))
  }

  @Test(arguments: ["/nonexistent", "/tmp", "/dev/null"]) func `A file that cannot be read is named`(_ path: String) {
    let invalid = #expect(throws: Settings.Invalid.self) {
      try Settings(SettingsReader(environment: ["WF_MODELS_FILE": path]))
    }
    #expect(invalid?.problems.count == 1)
    #expect(invalid?.description.hasPrefix("WF_MODELS_FILE: \(path): ") == true)
  }
}
