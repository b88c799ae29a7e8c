"""What the equations of a cell are written with in place of the functions of PyTorch, NumPy and Python."""

FORMULAS: dict[str, str] = {
    "sigmoid": "sigmoid(v)",
    "expit": "sigmoid(v)",
    "tanh": "tanh(v)",
    "relu": "relu(v)",
    "exp": "exp(v)",
    "log": "log(v)",
    "softplus": "softplus(v)",
    "abs": "absolute(v)",
    "absolute": "absolute(v)",
    "fabs": "absolute(v)",
    "max": "maximum(v, w)",
    "maximum": "maximum(v, w)",
    "fmax": "maximum(v, w)",
    "min": "minimum(v, w)",
    "minimum": "minimum(v, w)",
    "fmin": "minimum(v, w)",
    "clamp": "maximum(minimum(v, high), low)",
    "clip": "maximum(minimum(v, high), low)",
    "clamp_min": "maximum(v, low)",
    "clamp_max": "minimum(v, high)",
    "layer_norm": "normalize(v)",
    "add": "v + w",
    "sub": "v - w",
    "subtract": "v - w",
    "rsub": "w - v",
    "mul": "v * w",
    "multiply": "v * w",
    "div": "v / w",
    "divide": "v / w",
    "true_divide": "v / w",
    "truediv": "v / w",
    "neg": "-v",
    "negative": "-v",
    "square": "v * v",
    "reciprocal": "1 / v",
    "lerp": "v + a * (w - v)",
    "addcmul": "v + w * a",
    "addcdiv": "v + w / a",
    "sqrt": "sqrt(v)",
    "rsqrt": "1 / sqrt(v)",
    "sin": "sin(v)",
    "cos": "cos(v)",
    "tan": "sin(v) / cos(v)",
    "sinc": "sin(3.141592653589793 * v) / (3.141592653589793 * v)",
    "remainder": "v % w",
    "softmax": "softmax(v)",
    "cumsum": "cumsum(v)",
    "floor": "v - v % 1",
    "exp2": "exp(0.6931471805599453 * v)",
    "expm1": "exp(v) - 1",
    "log1p": "log(1 + v)",
    "log2": "log(v) / 0.6931471805599453",
    "log10": "log(v) / 2.302585092994046",
    "logaddexp": "v + softplus(w - v)",
    "logit": "log(v / (1 - v))",
    "sinh": "(exp(v) - exp(-v)) / 2",
    "cosh": "(exp(v) + exp(-v)) / 2",
    "silu": "v * sigmoid(v)",
    "mish": "v * tanh(softplus(v))",
    "gelu": "0.5 * v * (1 + tanh(0.7978845608 * (v + 0.044715 * v * v * v)))",
    "elu": "relu(v) + exp(minimum(v, 0)) - 1",
    "celu": "relu(v) + exp(minimum(v, 0)) - 1",
    "selu": "1.0507009873554805 * (relu(v) + 1.6732632423543772 * (exp(minimum(v, 0)) - 1))",
    "leaky_relu": "maximum(v, 0.01 * v)",
    "prelu": "relu(v) - p.a * relu(-v)",
    "relu6": "minimum(relu(v), 6)",
    "logsigmoid": "-softplus(-v)",
    "softsign": "v / (1 + absolute(v))",
    "hardtanh": "maximum(minimum(v, 1), -1)",
    "hardsigmoid": "minimum(relu(v / 6 + 0.5), 1)",
    "hardswish": "v * minimum(relu(v / 6 + 0.5), 1)",
    "tanhshrink": "v - tanh(v)",
    "softshrink": "relu(v - 0.5) - relu(-v - 0.5)",
}
"""For a function's name, the formula that computes it."""

LANGUAGE = (
    "it has + - * / %, unary -, numbers, sigmoid, tanh, relu, exp, log, softplus, sqrt, sin, cos, absolute, minimum, "
    "maximum, where, normalize, softmax, cumsum, unit_sum and unit_mean of tidegate.cells, and products with weights, "
    "x.k and r.k."
)
CONDITION = (
    "every hidden unit is computed alike at every step. Choose by where(a > b, v, w), with one of <, <=, > and >=; "
    "write maximum(v, w) for max(v, w) and minimum(v, w) for min(v, w); or choose by a mask of zeros and ones that the "
    "caller passes: m.name * v + (1 - m.name) * w."
)
POWER = "write v * v for v ** 2, and exp(a * log(v)) for v ** a of a positive v."
PRODUCT = 'a product with a weight matrix is x.k (of the input) or r("k", v) (of a vector v of the step), for a gate k.'
VALUES = (
    "the equations are traced without values, sizes, data types or devices. Functions of Python's math take numbers; "
    "those of tidegate.cells take what a step computes: exp, log, tanh, ..."
)
PARTS = (
    "a value of the step is one vector of all hidden units, which cannot be cut, joined or reshaped. Declare a gate "
    'for each part, gates="i f o", and use each by its name, x.i.'
)
REDUCTION = (
    "the operations of tidegate.cells across hidden units are normalize(v) (layer norm), softmax(v), cumsum(v), "
    "unit_sum(v) and unit_mean(v)."
)
ARRAY = (
    "a vector with one weight per hidden unit is declared in parameters= and used as p.name, what the caller passes "
    "for every step is declared in masks= and used as m.name, and a number is written as a number."
)
IN_PLACE = "in place it would change a tensor that others use too. Write v = v {0} w."

_REASONS: dict[str, str] = {
    PRODUCT: """linear bilinear matmul mm bmm mv dot vdot inner outer einsum tensordot addmm addmv baddbmm conv1d
        scaled_dot_product_attention multi_head_attention_forward""",
    POWER: "pow power float_power",
    REDUCTION: """sum mean var std prod norm vector_norm normalize log_softmax softmin logsumexp cumprod
        amax amin argmax argmin median mode all any sort topk batch_norm group_norm instance_norm rms_norm""",
    PARTS: """cat concat concatenate stack hstack vstack chunk split tensor_split unbind unsqueeze squeeze view reshape
        transpose swapaxes permute t T mT flatten ravel expand expand_as repeat tile broadcast_to index_select select
        gather narrow take roll flip pad""",
    VALUES: """shape size dim ndim numel device dtype to type float double half bfloat16 int long bool cuda cpu item
        numpy tolist grad requires_grad requires_grad_ backward data is_cuda isnan isinf isfinite allclose equal array
        asarray tensor as_tensor""",
    CONDITION: """where masked_fill gt ge lt le eq ne greater greater_equal less less_equal not_equal logical_and
        logical_or logical_not heaviside sign sgn threshold hardshrink""",
    "write a number instead, as in 1 - v.": "zeros_like ones_like full_like new_zeros new_ones new_full new_tensor",
    "noise is drawn by the layer: use variational_dropout(cell, rate) or zoneout(cell, rate) of tidegate.cells, or a "
    "mask, m.name.": """dropout alpha_dropout feature_dropout bernoulli rand_like randn_like rrelu gumbel_softmax normal
        uniform""",
    "leave it out: a value of the step is never changed.": "clone contiguous copy",
    "gradients flow through every operation.": "detach stop_gradient",
}
REASONS: dict[str, str] = {name: reason for reason, names in _REASONS.items() for name in names.split()}
"""For a function's name without a formula, why the language has nothing like it, or what to do instead."""


def instead_of(name: str) -> str:
    """Say what to write instead of the function or method of a name, as the end of a sentence."""
    plain = name if name in REASONS else name.strip("_")
    if plain in FORMULAS:
        return f"write {FORMULAS[plain]}, with the operations of tidegate.cells."
    return REASONS.get(plain, LANGUAGE)
