//! Stacks of narrow layers in one launch, against the default body: layer by layer.

use std::cell::Cell;

use deeptalk_rt::Result;
use deeptalk_rt::networks::deeptalk::{Config, DeepTalk};
use deeptalk_rt::tensor::cuda::{Codes, Cuda, Gpu, Tensor, Weight};
use deeptalk_rt::tensor::{
    Activation, Affine, AttentionBias, Clips, CodeOps, Context, Conv1d, ConvTranspose1d, DiffusionOps, Dtype,
    EmbeddingOps, Engine, Lease, Linear, MeshOps, Norm, Ops, Outputs, Part, Role, RowOps, SampleCodes,
    SkinTables, SpeechOps, Stored, TransformerLayer,
};

use crate::network::{error, model_of, speech, unseen};
use crate::stand_in::{STAND_IN_ALONE, counts, is_stand_in, launched, on_stand_in};
use crate::this_test;

/// The device without this override, for the cost of the network with the default body.
struct LayerByLayer(Lease<Cuda>);

/// The engine of [`LayerByLayer`].
#[derive(Clone)]
struct Plain(Gpu);

impl Engine for Plain {
    type Context = LayerByLayer;
    fn lease(&self) -> Result<Lease<LayerByLayer>> {
        Ok(Lease::unpooled(LayerByLayer(self.0.lease()?)))
    }
}

/// Methods that call the device's own.
macro_rules! as_the_device {
    ($($name:ident($($argument:ident: $type:ty),*) -> $result:ty;)*) => {
        $(fn $name(&self, $($argument: $type),*) -> Result<$result> {
            self.0.$name($($argument),*)
        })*
    };
}

impl Context for LayerByLayer {
    type Tensor = Tensor;
    type Weight = Weight;
    type Codes = Codes;

    as_the_device! {
        load(stored: Stored, role: Role) -> Weight;
        load_all(tensors: Vec<(Stored, Role)>) -> Vec<Weight>;
        upload(clips: &Clips, channels: usize, values: &[f32]) -> Tensor;
        upload_f32(clips: &Clips, channels: usize, values: &[f32]) -> Tensor;
        download(x: &Tensor) -> Vec<f32>;
        upload_codes(clips: &Clips, codes: &[i32]) -> Codes;
        download_codes(codes: &Codes) -> Vec<i32>;
    }

    fn dtype(&self) -> Dtype {
        self.0.dtype()
    }

    fn branches<A, B>(
        &self,
        first: impl FnOnce() -> Result<A>,
        second: impl FnOnce() -> Result<B>,
    ) -> Result<(A, B)> {
        self.0.branches(first, second)
    }

    fn recorded(
        &self,
        part: Part,
        inputs: &[&Tensor],
        body: impl Fn(&[&Tensor]) -> Result<Outputs<Tensor, Codes>>,
    ) -> Result<Outputs<Tensor, Codes>> {
        self.0.recorded(part, inputs, body)
    }
}

impl RowOps for LayerByLayer {
    as_the_device! {
        linear(x: &Tensor, linear: &Linear<Weight>, activation: Activation) -> Tensor;
        conv1d(x: &Tensor, conv: &Conv1d<Weight>, activation: Activation) -> Tensor;
        conv_transpose1d(x: &Tensor, conv: &ConvTranspose1d<Weight>, activation: Activation) -> Tensor;
        layer_norm(x: &Tensor, norm: &Norm<Weight>, activation: Activation) -> Tensor;
        group_norm(x: &Tensor, norm: &Norm<Weight>, activation: Activation) -> Tensor;
        self_attention(qkv: &Tensor, heads: usize, bias: &AttentionBias) -> Tensor;
        attention(q: &Tensor, kv: &Tensor, heads: usize, bias: &AttentionBias) -> Tensor;
        add(x: &Tensor, y: &Tensor) -> Tensor;
        add_table(x: &Tensor, table: &Weight) -> Tensor;
        resample_linear(x: &Tensor, clips: &Clips) -> Tensor;
        stack_frames(x: &Tensor, n: usize) -> Tensor;
        concat(parts: &[&Tensor]) -> Tensor;
        slice_rows(x: &Tensor, start: usize, max_rows: usize) -> Tensor;
        prepend_rows(x: &Tensor, rows: &Weight) -> Tensor;
        broadcast_rows(x: &Tensor, clips: &Clips) -> Tensor;
        add_layer_norm(x: &Tensor, y: &Tensor, norm: &Norm<Weight>) -> Tensor;
    }
}

impl CodeOps for LayerByLayer {
    as_the_device! {
        lookup(codes: &Codes, codebook: &Weight) -> Tensor;
        nearest_code(x: &Tensor, codebook: &Weight) -> Codes;
        choose_code(logits: &Tensor, sample: Option<&SampleCodes>) -> Codes;
    }
}

impl SpeechOps for LayerByLayer {
    as_the_device! {
        log_bands(spectrum: &Tensor, bands: &Weight, floor: f32) -> Tensor;
    }
}

impl EmbeddingOps for LayerByLayer {
    as_the_device! {
        sorted_pool(x: &Tensor, weights: &Tensor) -> Tensor;
        l2_normalize(x: &Tensor) -> Tensor;
        sample_gaussian(mu: &Tensor, log_variance: &Tensor, noise: &Tensor, control: f32) -> Tensor;
        slerp(a: &Tensor, b: &Tensor, weight: f32) -> Tensor;
        lerp(a: &Tensor, b: &Tensor, weight: f32) -> Tensor;
    }
}

impl DiffusionOps for LayerByLayer {}

impl MeshOps for LayerByLayer {
    as_the_device! {
        skin(parameters: &Tensor, skin: &SkinTables<Weight>) -> Tensor;
    }
}

/// The number of launches of one forward, speech to motion: of the device, and layer by layer.
fn launches(config: &Config) -> [u64; 2] {
    let file = model_of(config);
    let clip = speech(700, 1);
    let count = |forward: &dyn Fn()| {
        let before = counts().launches;
        forward();
        counts().launches - before
    };
    let fused = DeepTalk::load(&file, Gpu::new(0).unwrap()).unwrap();
    let plain = DeepTalk::load(&file, Plain(Gpu::new(0).unwrap())).unwrap();
    let launches = [count(&|| drop(unseen(&fused, &[&clip]))), count(&|| drop(unseen(&plain, &[&clip])))];
    println!("launches of a forward, and layer by layer: {launches:?}");
    launches
}

const UNCHECKED: (&str, &str) = ("STAND_IN_CUDA_CHECKS", "0");
const HOPPER: (&str, &str) = ("STAND_IN_CUDA_CAPABILITY", "90");
/// The shared memory of a block on compute capability 8.0 itself. The stand-in reports the minimum of all
/// devices from 8.0 on: 99 KiB.
const AMPERE: (&str, &str) = ("STAND_IN_CUDA_SHARED", "166912");

#[test]
fn a_forward_launches_a_stack_once() {
    on_stand_in(this_test!(a_forward_launches_a_stack_once), &[UNCHECKED, HOPPER], || {
        // Of the tiny model's stacks, two have sizes that are multiples of 32: those that choose codes.
        assert_eq!(launches(&Config::tiny()), [152, 178]);
        assert_eq!(launches(&Config::default_model()), [148, 192]);
    });
}

#[test]
fn a_forward_launches_what_does_not_fit_the_device_layer_by_layer() {
    let test = this_test!(a_forward_launches_what_does_not_fit_the_device_layer_by_layer);
    on_stand_in(test, &STAND_IN_ALONE, || assert_eq!(launches(&Config::default_model()), [154, 192]));
}

#[test]
#[ignore = "minutes of emulation"]
fn a_forward_of_the_published_sizes_launches_a_stack_once() {
    let test = this_test!(a_forward_of_the_published_sizes_launches_a_stack_once);
    on_stand_in(test, &[UNCHECKED, HOPPER], || assert_eq!(launches(&Config::base()), [287, 387]));
}

/// A stack of layers; `window` is the reach of a row.
struct Stack {
    width: usize,
    feed_forward: usize,
    heads: usize,
    layers: usize,
    window: usize,
}

fn stack([width, feed_forward]: [usize; 2], heads: usize, layers: usize, window: usize) -> Stack {
    Stack { width, feed_forward, heads, layers, window }
}

impl Stack {
    fn layers<B: Ops>(&self, ops: &B) -> Vec<TransformerLayer<B::Weight>> {
        let seed = Cell::new(0);
        let load = |shape: &[usize], role: Role, middle: f32, size: f32| {
            seed.set(seed.get() + 1);
            let values = speech(shape.iter().product(), seed.get());
            let values = values.iter().map(|v| middle + v * size).collect();
            ops.load(Stored::from_f32("weight", shape, values), role).unwrap()
        };
        // Values of `speech` have a typical size of 0.25.
        let linear = |out: usize, input: usize| Linear {
            weight: load(&[out, input], Role::Linear, 0.0, 4.0 / (input as f32).sqrt()),
            bias: Some(load(&[out], Role::Vector, 0.0, 1.0)),
        };
        let (w, f) = (self.width, self.feed_forward);
        let norm = || Norm {
            affine: Some(Affine {
                weight: load(&[w], Role::Vector, 1.0, 0.5),
                bias: load(&[w], Role::Vector, 0.0, 0.5),
            }),
            eps: 1e-5,
        };
        let layer = |_| TransformerLayer {
            qkv: linear(3 * w, w),
            out: linear(w, w),
            norm1: norm(),
            up: linear(f, w),
            down: linear(w, f),
            norm2: norm(),
            heads: self.heads,
            activation: Activation::Gelu,
        };
        (0..self.layers).map(layer).collect()
    }

    /// Compares the device's stack with layer by layer (equal up to the rounding between the kernels of a
    /// layer), and with one clip at a time (equal in bytes). `launches` is the expected number of launches,
    /// if they are counted.
    fn check(&self, lengths: &[usize], launches: u64) {
        let what = format!("{} layers of {}, window {}", self.layers, self.width, self.window);
        let cuda = Gpu::new(0).unwrap().lease().unwrap();
        let (layers, bias) = (self.layers(&*cuda), AttentionBias::Window { rows: self.window });
        let upload = |lengths: &[usize], values: &[f32]| {
            cuda.upload(&Clips::from_lengths(lengths.to_vec()), self.width, values).unwrap()
        };
        let stacked = |lengths: &[usize], values: &[f32]| {
            let y = cuda.transformer_stack(upload(lengths, values), &layers, &bias).unwrap();
            cuda.download(&y).unwrap()
        };
        let rows: usize = lengths.iter().sum();
        let values: Vec<f32> = speech(rows * self.width, 99).iter().map(|v| v * 4.0).collect();
        let launched = || if is_stand_in() { counts().launches } else { 0 };
        let before = launched();
        let fused = stacked(lengths, &values);
        assert!(
            !is_stand_in() || launched() - before == launches,
            "{what}: {} launches",
            launched() - before
        );

        let x = upload(lengths, &values);
        let plain = layers.iter().fold(x, |x, layer| cuda.transformer_layer(&x, layer, &bias).unwrap());
        let error = error(&fused, &cuda.download(&plain).unwrap());
        assert!(error < 1e-3, "{what}: {error}");

        let mut rest = values.as_slice();
        let mut alone = Vec::new();
        for length in lengths {
            let (clip, others) = rest.split_at(length * self.width);
            alone.extend(stacked(&[*length], clip));
            rest = others;
        }
        assert_eq!(fused, alone, "{what}: alone and in a batch differ");
    }
}

/// Launches of one layer in the default body.
const LAYER: u64 = 7;

#[test]
fn a_stack_in_one_launch_is_its_layers_one_by_one() {
    on_stand_in(this_test!(a_stack_in_one_launch_is_its_layers_one_by_one), &[], || {
        stack([32, 64], 2, 2, 1).check(&[33, 1, 19], 1);
        stack([32, 64], 2, 2, 3).check(&[1, 49, 5], 1);
        stack([64, 256], 4, 1, 5).check(&[25, 1], 1);
    });
}

#[test]
fn the_stacks_of_every_model_are_their_layers_one_by_one() {
    let test = this_test!(the_stacks_of_every_model_are_their_layers_one_by_one);
    on_stand_in(test, &[UNCHECKED, HOPPER], || {
        stack([32, 64], 2, 2, 1).check(&[33, 1], 1);
        stack([192, 256], 4, 1, 25).check(&[40, 1, 17], 1);
        stack([128, 256], 4, 2, 13).check(&[1, 35], 1);
        stack([64, 256], 4, 1, 5).check(&[25, 70], 1);
        stack([192, 384], 4, 1, 5).check(&[19, 25], 1);
        stack([256, 256], 8, 1, 25).check(&[19, 1], 1);
        stack([256, 256], 8, 6, 1).check(&[5, 33], 1);
        stack([128, 256], 8, 1, 1).check(&[37, 1], 1);
        stack([384, 512], 8, 1, 1).check(&[1, 33], 1);
    });
}

#[test]
fn a_stack_that_does_not_fit_goes_in_parts_or_layer_by_layer() {
    let test = this_test!(a_stack_that_does_not_fit_goes_in_parts_or_layer_by_layer);
    on_stand_in(test, &STAND_IN_ALONE, || {
        // Two layers reach 24 rows, three reach 36: more than a block of 64 rows has on either side.
        stack([64, 64], 4, 3, 13).check(&[33, 1], 2);
        // 99 KiB are not enough.
        stack([192, 256], 4, 1, 25).check(&[19, 1], LAYER);
        stack([384, 512], 8, 1, 1).check(&[5, 1], LAYER);
        // Sizes without a kernel, and a window that does not fit into a block.
        stack([48, 64], 1, 2, 1).check(&[5, 1], 2 * LAYER);
        stack([32, 48], 2, 1, 1).check(&[5, 1], LAYER);
        stack([32, 64], 2, 1, 26).check(&[40, 1], LAYER);
    });
}

#[test]
fn a_stack_that_fits_larger_blocks_goes_in_one_launch_there() {
    let test = this_test!(a_stack_that_fits_larger_blocks_goes_in_one_launch_there);
    on_stand_in(test, &[UNCHECKED, AMPERE], || {
        stack([192, 256], 4, 1, 25).check(&[19, 1], 1);
        stack([384, 512], 8, 1, 1).check(&[5, 1], 1);
        stack([256, 256], 8, 1, 25).check(&[5, 1], LAYER);
    });
}

#[test]
fn layers_that_differ_are_not_taken_for_alike() {
    let test = this_test!(layers_that_differ_are_not_taken_for_alike);
    on_stand_in(test, &STAND_IN_ALONE, || {
        let cuda = Gpu::new(0).unwrap().lease().unwrap();
        let mut layers = stack([32, 64], 2, 2, 1).layers(&*cuda);
        layers[1].activation = Activation::Relu;
        let x = || cuda.upload(&Clips::one(9), 32, &speech(9 * 32, 1)).unwrap();
        let bias = AttentionBias::Window { rows: 2 };
        let before = counts().launches;
        let stacked = cuda.transformer_stack(x(), &layers, &bias).unwrap();
        assert_eq!(counts().launches - before, 2, "each has its own activation");
        let plain = layers.iter().fold(x(), |x, layer| cuda.transformer_layer(&x, layer, &bias).unwrap());
        let error = error(&cuda.download(&stacked).unwrap(), &cuda.download(&plain).unwrap());
        assert!(error < 1e-3, "{error}");
        // Every row sees every other row: the kernels do not support that.
        let before = counts().launches;
        cuda.transformer_stack(x(), &layers, &AttentionBias::None).unwrap();
        assert_eq!(counts().launches - before, 2 * LAYER);

        let wide = stack([64, 64], 2, 1, 1).layers(&*cuda).remove(0);
        layers[1].down = wide.down;
        let error = cuda.transformer_stack(x(), &layers, &bias).expect_err("64 channels to 64, not to 32");
        assert!(error.to_string().contains("expected 32, found 64"), "{error}");
    });
}

/// A layer whose second product has a long sum that several blocks share: the same bytes as the default body,
/// alone and in a batch.
#[test]
fn sums_that_blocks_share_are_those_of_one_block_to_the_bit() {
    let test = this_test!(sums_that_blocks_share_are_those_of_one_block_to_the_bit);
    on_stand_in(test, &[UNCHECKED, HOPPER], || {
        let (width, lengths) = (64, [19, 1, 40]);
        let cuda = Gpu::new(0).unwrap().lease().unwrap();
        let plain = Plain(Gpu::new(0).unwrap()).lease().unwrap();
        let wide = stack([width, 3 * 768 + 64], 1, 1, 200);
        let layers = (wide.layers(&*cuda), wide.layers(&*plain));
        let rows = lengths.iter().sum::<usize>();
        let values: Vec<f32> = speech(rows * width, 99).iter().map(|v| v * 4.0).collect();
        let forward = |lengths: &[usize], values: &[f32]| {
            let clips = Clips::from_lengths(lengths.to_vec());
            let bias = AttentionBias::None;
            let x = cuda.upload(&clips, width, values).unwrap();
            let before = [counts().launches, launched("layer_norm_of_parts_1")];
            let y = cuda.transformer_layer(&x, &layers.0[0], &bias).unwrap();
            let after = [counts().launches, launched("layer_norm_of_parts_1")];
            assert_eq!([after[0] - before[0], after[1] - before[1]], [LAYER, 1], "no launch more");
            let oracle = plain.upload(&clips, width, values).unwrap();
            let oracle = plain.transformer_layer(&oracle, &layers.1[0], &bias).unwrap();
            let y = cuda.download(&y).unwrap();
            assert!(y == plain.download(&oracle).unwrap(), "{lengths:?}");
            y
        };
        let together = forward(&lengths, &values);
        assert!(together[..19 * width] == forward(&lengths[..1], &values[..19 * width]));
    });
}
