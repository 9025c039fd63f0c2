/**
 * What the WebAssembly backend lacks for training convolutions: the gradient of a one-dimensional convolution with respect to its
 * filter, as one matrix product a tap.
 */
import * as tf from '@tensorflow/tfjs-core';

const KERNEL = 'Conv2DBackpropFilter';

/** A one-dimensional convolution is one over pictures of height 1. */
export function registerConvolutionGradient(): void {
  if (tf.getKernelsForBackend('wasm').some(({ kernelName }) => kernelName === KERNEL)) return;
  tf.registerKernel({
    kernelName: KERNEL,
    backendName: 'wasm',
    kernelFunc: ({ inputs, attrs }) => {
      const { x, dy } = inputs as unknown as { readonly x: tf.Tensor4D; readonly dy: tf.Tensor4D };
      const { strides, pad, dimRoundingMode, filterShape } = attrs as unknown as tf.Conv2DBackpropFilterAttrs;
      const info = tf.backend_util.computeConv2DInfo(x.shape, filterShape, strides, 1, pad, dimRoundingMode);
      return filterGradient(x, dy, info);
    },
  });
}

function filterGradient(x: tf.Tensor4D, dy: tf.Tensor4D, info: tf.backend_util.Conv2DInfo): tf.Tensor {
  const { batchSize, inChannels, outChannels, outWidth, filterWidth, filterHeight, strideWidth, padInfo, outHeight } =
    info;
  if (filterHeight !== 1 || outHeight !== 1)
    throw new RangeError(`filters must have height 1 here, got ${filterHeight}`);
  return tf.tidy(() => {
    const padded = tf.pad(x, [
      [0, 0],
      [0, 0],
      [padInfo.left, padInfo.right],
      [0, 0],
    ]);
    const gradients = tf.reshape(dy, [batchSize * outWidth, outChannels]);
    const reach = (outWidth - 1) * strideWidth + 1;
    const taps = Array.from({ length: filterWidth }, (_, tap) => {
      const end = [batchSize, 1, tap + reach, inChannels];
      const seen = tf.stridedSlice(padded, [0, 0, tap, 0], end, [1, 1, strideWidth, 1]);
      return tf.matMul(tf.reshape(seen, [batchSize * outWidth, inChannels]), gradients, true, false);
    });
    return tf.reshape(tf.stack(taps), [filterHeight, filterWidth, inChannels, outChannels]);
  });
}
