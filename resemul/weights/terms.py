"""On what terms published weights, and the data behind them, may be used."""

ORIGINAL_LICENCE = "none stated with the weights or the code (tae-jun/resemul)"
SOTA_LICENCE = (
    "MIT, (c) 2020 Music Technology Group, UPF (git commit ffcd1f90, which is also in "
    "minzwon/sota-music-tagging-models)"
)
MTAT_LICENCE = (
    "none stated with the weights (philtgun/music-tagging-benchmark); trained with "
    "minzwon/sota-music-tagging-models, which is MIT"
)
# The notice has to go with every copy; a converted file has it on its card.
ISC_LICENCE = (
    "ISC. Copyright (c) Music Technology Group, Universitat Pompeu Fabra 2019. Code "
    "developed by Jordi Pons (www.jordipons.me). Permission to use, copy, modify, "
    "and/or distribute this software for any purpose with or without fee is hereby "
    "granted, provided that the above copyright notice and this permission notice "
    'appear in all copies. THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS '
    "ALL WARRANTIES WITH REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF "
    "MERCHANTABILITY AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR ANY "
    "SPECIAL, DIRECT, INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES WHATSOEVER "
    "RESULTING FROM LOSS OF USE, DATA OR PROFITS, WHETHER IN AN ACTION OF CONTRACT, "
    "NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING OUT OF OR IN CONNECTION WITH THE USE "
    "OR PERFORMANCE OF THIS SOFTWARE."
)

# What the sets ask of those who use them; a model trained on one is derived from it.
DATA_TERMS = {
    "mtt": "MagnaTagATune: CC BY-NC-SA 3.0 US, for non-commercial research",
    "msd": "Million Song Dataset with tags of Last.fm: for non-commercial research",
    "jamendo": "MTG-Jamendo: music under Creative Commons licences that differ by "
    "track, metadata under CC BY-NC-SA 4.0, for non-commercial research",
}
