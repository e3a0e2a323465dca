"""A llama of two layers with random weights, in GGUF: what it says is noise, how llama.cpp serves it is real."""

import gguf
import numpy

WIDTH, HIDDEN, LAYERS, HEADS, CONTEXT = 64, 128, 2, 4, 512
MARKS = [b"<think>", b"</think>", b"<|im_start|>", b"<|im_end|>"]
TOKENS = [b"<unk>", b"<s>", b"</s>"] + [b"<0x%02X>" % byte for byte in range(256)] + MARKS
UNKNOWN, CONTROL, USER_DEFINED, BYTE = 2, 3, 4, 6
TYPES = [UNKNOWN, CONTROL, CONTROL] + [BYTE] * 256 + [USER_DEFINED, USER_DEFINED, CONTROL, CONTROL]
END = 2
# Never said: the end, what would end the reasoning, and a "<", at which llama.cpp begins to look for it.
UNSAID = [END, TOKENS.index(b"<0x3C>")] + [TOKENS.index(mark) for mark in MARKS]

# The prompt ends inside the reasoning, as with the models that always think.
THINKING = """{% for m in messages %}<|im_start|>{{ m.role }}
{% if m.role == 'assistant' and m.reasoning_content %}<think>
{{ m.reasoning_content }}
</think>

{% endif %}{{ m.content }}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
<think>
{% endif %}"""
PLAIN = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}"


def describe(model, template):
    model.add_context_length(CONTEXT)
    model.add_embedding_length(WIDTH)
    model.add_block_count(LAYERS)
    model.add_feed_forward_length(HIDDEN)
    model.add_head_count(HEADS)
    model.add_head_count_kv(HEADS)
    model.add_layer_norm_rms_eps(1e-5)
    model.add_rope_dimension_count(WIDTH // HEADS)
    model.add_vocab_size(len(TOKENS))
    model.add_tokenizer_model("llama")
    model.add_token_list(TOKENS)
    model.add_token_scores([0.0] * len(TOKENS))
    model.add_token_types(TYPES)
    model.add_bos_token_id(1)
    model.add_eos_token_id(END)
    model.add_unk_token_id(0)
    model.add_chat_template(template)


def write(path, template):
    random = numpy.random.default_rng(7)

    def noise(*shape, scale=0.1):
        return (random.standard_normal(shape) * scale).astype(numpy.float32)

    model = gguf.GGUFWriter(path, "llama")
    describe(model, template)

    # Wide logits: one of zero is as good as never sampled.
    output = noise(len(TOKENS), WIDTH, scale=1.0)
    output[UNSAID] = 0
    model.add_tensor("token_embd.weight", noise(len(TOKENS), WIDTH))
    model.add_tensor("output_norm.weight", numpy.ones(WIDTH, numpy.float32))
    model.add_tensor("output.weight", output)
    for layer in range(LAYERS):
        for name in ("attn_norm", "ffn_norm"):
            model.add_tensor(f"blk.{layer}.{name}.weight", numpy.ones(WIDTH, numpy.float32))
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            model.add_tensor(f"blk.{layer}.{name}.weight", noise(WIDTH, WIDTH))
        for name, shape in (("gate", (HIDDEN, WIDTH)), ("up", (HIDDEN, WIDTH)), ("down", (WIDTH, HIDDEN))):
            model.add_tensor(f"blk.{layer}.ffn_{name}.weight", noise(*shape))
    model.write_header_to_file()
    model.write_kv_data_to_file()
    model.write_tensors_to_file()
    model.close()
