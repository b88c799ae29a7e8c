"""The function that PyTorch's OpenMP threads call."""

SUFFIX = "_thread"  # of the function's name, after the name of the kernel


def thread_entry(function: str) -> str:
    """Return the IR of the function that each OpenMP thread runs: as many parts as threads, each its own.

    (Text, because llvmlite's builder cannot call through a pointer without a type.)
    """
    return f"""
define void @{function}{SUFFIX}(ptr %data) {{
  %thread_num = load ptr, ptr %data
  %at1 = getelementptr i64, ptr %data, i64 1
  %num_threads = load ptr, ptr %at1
  %at2 = getelementptr i64, ptr %data, i64 2
  %table = load ptr, ptr %at2
  %mine = call i32 %thread_num()
  %threads = call i32 %num_threads()
  %part = sext i32 %mine to i64
  %parts = sext i32 %threads to i64
  call void @{function}(ptr %table, i64 %part, i64 %parts)
  ret void
}}
"""
